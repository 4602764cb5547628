"""What is made up counts only for models that know what they were told."""

from __future__ import annotations

import pytest

from harness.api import MeasuredCell, Records, Row, Status
from harness_language.told_facts import ToldFacts


def cell(name: str, part: str, right: int, *, model: str = "gpt", attack: str = "none", n: int = 20) -> MeasuredCell:
    records = Records.of({"id": list(range(n)), "correct": [i < right for i in range(n)], "group.part": [part] * n})
    row = Row(
        experiment="e",
        labels={"model": model, "data": part, "attack": attack},
        seed=0,
        status=Status.OK,
        estimates={},
        n=n,
        cell=name,
        components={"model": {"name": model}, "attack": None if attack == "none" else {"name": attack}},
    )
    return MeasuredCell(row, "", lambda: records)


def test_a_model_that_knows_what_it_was_told_is_not_doubted() -> None:
    assert not ToldFacts().doubts([cell("a", "seen", 19), cell("b", "unseen", 0), cell("c", "made_up", 0)])


def test_what_a_poor_learner_makes_up_is_doubted() -> None:
    cells = [cell("a", "seen", 15), cell("b", "unseen", 0), cell("c", "made_up", 0), cell("d", "made_up", 0, model="x")]
    doubts = ToldFacts().doubts(cells)
    assert list(doubts) == ["b", "c", "d"]
    assert doubts["b"][0].startswith("made-up facts: the model knows 0.750 of the 20 facts that it was told")
    assert doubts["d"][0].startswith("made-up facts: the model was not asked what it was told")
    assert list(ToldFacts(least=0.75).doubts(cells)) == ["d"]


@pytest.mark.parametrize("attack", ["typos", "none"])
def test_told_facts_under_an_attack_say_nothing_of_learning(attack: str) -> None:
    cells = [cell("a", "seen", 20), cell("b", "seen", 0, attack=attack), cell("c", "unseen", 0)]
    assert bool(ToldFacts().doubts(cells)) is (attack == "none")


def test_other_data_is_left_alone() -> None:
    records = Records.of({"id": [0], "correct": [True]})
    row = Row(experiment="e", labels={"model": "m"}, seed=0, status=Status.OK, estimates={}, n=1, cell="z")
    assert not ToldFacts().doubts([MeasuredCell(row, "", lambda: records)])
    assert not list(ToldFacts().rows([]))
