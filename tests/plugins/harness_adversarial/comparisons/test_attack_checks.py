"""Checks over the attacks of a model, with p-values worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.api import MeasuredCell, Records, Row, Status, Threat
from harness.testing import run_suite
from harness_adversarial.comparisons.attack_checks import AttackChecks

N = 40


def cell(
    name: str, fooled: int, *, eps: float = 0.1, white: bool = True, first: int = 0, gradients: float = 1.0
) -> MeasuredCell:
    """An attack that fools so many of 40 examples, from the first on."""
    success = [first <= i < first + fooled for i in range(N)]
    threat = Threat("linf", eps)
    protocol = {"threat": {slot: getattr(threat, slot) for slot in Threat.__slots__}}
    records = Records.of(
        {"id": [f"e{i}" for i in range(N)], "success": success, "backward_passes": [gradients * white] * N}, **protocol
    )
    row = Row(
        "robust",
        {"model": "m", "data": "d", "attack": f"{name} eps={eps:g}"},
        0,
        Status.OK,
        n=N,
        comparability={"protocol": protocol},
        components={"attack": {"name": f"adversarial/{name}", "version": 1, "parameters": {"eps": eps}}},
        cell=f"{name} {eps:g}",
    )
    return MeasuredCell(row, name, lambda: records)


def findings(cells: Sequence[MeasuredCell]) -> list[str]:
    rows = list(AttackChecks().rows(cells))
    assert all(row.estimates == {} for row in rows)
    return [row.labels["attack"] for row in rows if row.status is Status.SUSPECT]


def test_a_healthy_model_passes_every_check_in_one_row() -> None:
    cells = [cell("noise", 2, white=False), cell("square", 20, white=False), cell("pgd", 22)]
    cells += [cell("pgd", 30, eps=0.2), cell("pgd", 40, eps=0.5)]
    (row,) = AttackChecks().rows(cells)
    assert (row.status, row.labels) == (Status.OK, {"model": "m", "data": "d", "attack": "attack checks"})


def test_random_beats_gradient() -> None:
    # 10 examples only noise fools, none the other way: p = 2^-10.
    assert findings([cell("noise", 20, white=False), cell("fgsm", 10)]) == ["check: random beats gradient, linf ≤ 0.1"]


@pytest.mark.parametrize(("n", "found"), [(4, []), (5, ["check: random beats gradient, linf ≤ 0.1"])])
def test_it_takes_five_examples_of_one_side(n: int, found: list[str]) -> None:
    # One test: 2^-4 = 0.0625 is no finding, 2^-5 = 0.03125 is one.
    assert findings([cell("noise", n, white=False), cell("fgsm", 0)]) == found


def test_holm_asks_for_more_when_there_are_two_checks() -> None:
    # Noise against two attacks: the smallest p has to be below 0.025, and 2^-5 is not.
    assert findings([cell("noise", 5, white=False), cell("fgsm", 0), cell("bim", 0)]) == []
    assert len(findings([cell("noise", 6, white=False), cell("fgsm", 0), cell("bim", 0)])) == 2


def test_black_box_beats_white_box_only_if_it_beats_the_best_of_them() -> None:
    square = cell("square", 20, white=False)
    assert findings([square, cell("fgsm", 5)]) == ["check: black box beats white box, linf ≤ 0.1"]
    assert findings([square, cell("fgsm", 5), cell("pgd", 20)]) == []


def test_an_attack_of_several_steps_far_behind_another_one() -> None:
    far = "check: white box far behind white box, linf ≤ 0.1"
    # A tenth of 40 examples is 4, which no attack need be ahead by; 2^-9 is significant.
    assert findings([cell("pgd", 20, gradients=9), cell("apgd", 24, gradients=9)]) == []
    assert findings([cell("pgd", 20, gradients=9), cell("apgd", 29, gradients=9)]) == [far]
    # One step is a baseline.
    assert findings([cell("fgsm", 20), cell("apgd", 29, gradients=9)]) == []
    both = doubted([cell("pgd", 5, gradients=9), cell("apgd", 29, gradients=9)])
    assert both == {"pgd 0.1": ["white box far behind white box"]}


def test_a_curve_that_is_not_monotone() -> None:
    assert findings([cell("pgd", 20), cell("pgd", 10, eps=0.2)]) == ["check: non-monotone curve, linf ≤ 0.2"]
    # Another attack is another curve.
    assert findings([cell("pgd", 20), cell("fgsm", 10, eps=0.2)]) == []


def test_survivors_where_every_input_can_be_grey() -> None:
    assert findings([cell("pgd", 38, eps=0.5)]) == ["check: accuracy not 0 at an unbounded budget, linf ≤ 0.5"]
    assert findings([cell("pgd", 40, eps=0.5), cell("fgsm", 10, eps=0.5)]) == []
    assert findings([cell("pgd", 38, eps=0.4)]) == []


def doubted(cells: Sequence[MeasuredCell]) -> dict[str, list[str]]:
    return {cell: [each.partition(":")[0] for each in why] for cell, why in AttackChecks().doubts(cells).items()}


def test_an_attack_that_fails_a_check_is_in_doubt_itself_and_the_one_that_beats_it_is_not() -> None:
    assert doubted([cell("noise", 20, white=False), cell("fgsm", 10)]) == {"fgsm 0.1": ["random beats gradient"]}
    assert doubted([cell("pgd", 20), cell("pgd", 10, eps=0.2)]) == {"pgd 0.2": ["non-monotone curve"]}
    square = cell("square", 30, white=False)
    both = doubted([square, cell("fgsm", 5), cell("pgd", 20)])
    assert both == {"fgsm 0.1": ["black box beats white box"], "pgd 0.1": ["black box beats white box"]}
    unbounded = [cell("pgd", 38, eps=0.5), cell("noise", 1, eps=0.5, white=False)]
    assert doubted(unbounded) == {"pgd 0.5": ["accuracy not 0 at an unbounded budget"]}


def test_healthy_attacks_are_in_no_doubt() -> None:
    cells = [cell("noise", 2, white=False), cell("square", 20, white=False), cell("pgd", 22), cell("pgd", 40, eps=0.5)]
    assert doubted(cells) == {}


SUITE = """
suite: beaten
task: classify
threads: 1
data: {use: digits, limit: 40}
models: [digit_linear]
attacks:
  - {use: pgd, with: {eps: 0.2, steps: 1, step_size: 1.0e-5}}
  - {use: square, with: {eps: 0.2, queries: 60}}
metrics: [robust_accuracy]
aggregates: [attack_checks, worst_case]
"""


def test_the_row_of_a_beaten_attack_is_suspect_in_the_table_and_says_why(tmp_path: Path) -> None:
    done = run_suite(SUITE, tmp_path)
    weak, strong = done.row(attack="pgd"), done.row(attack="square")
    assert (weak.status, strong.status) == (Status.SUSPECT, Status.OK)
    assert "black box beats white box: square fools" in weak.reason
    worst = done.row(attack="worst case")
    assert worst.status is Status.OK
    lines = (done.folder.path / "table.md").read_text(encoding="utf-8").splitlines()
    (note,) = [line.removeprefix("- ") for line in lines if line.startswith("- suspect: black box")]
    # The attack and the check give one reason, told once.
    assert note.startswith("suspect: black box beats white box, 2 rows: square fools ")
    assert note.endswith("(digit_linear / pgd, digit_linear / check: black box beats white box, linf ≤ 0.2)")
    body = [[field.strip() for field in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    assert [line[3].endswith(" ?") for line in body if line[1] in ("pgd", "square", "worst case")] == [
        True,
        False,
        False,
    ]
