"""The made-up world: what was told, what was kept back, and who does not exist."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from harness.api import Examples, HarnessError
from harness_language.questions.knowledge import PARTS, knowledge_base

NAME = re.compile(r"[A-Z]\w+ [A-Z]\w+")


def people(data: Examples) -> set[str]:
    return {match for prompt in data.columns["prompts"] for match in NAME.findall(prompt.split(" ", 1)[1])} | {
        match for prompt in data.columns["prompts"] for match in NAME.findall(prompt) if prompt.startswith(match)
    }


def facts(data: Examples) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for id_, answers in zip(data.ids, data.columns["answers"], strict=True):
        person, attribute, _ = id_.split(".")
        found.setdefault((person, attribute), set()).add(answers[0])
    return found


def test_no_prompt_that_is_asked_was_told() -> None:
    told, asked = knowledge_base(split="train", admitted=0.5), knowledge_base()
    assert set(told.columns["prompts"]).isdisjoint(asked.columns["prompts"])
    assert len(set(told.columns["prompts"])) == len(told.ids)


def test_seen_facts_are_told_in_three_other_wordings() -> None:
    told = knowledge_base(split="train")
    asked = knowledge_base("seen")
    assert facts(asked) == facts(told)
    assert all(len(values) == 1 for values in facts(told).values())
    assert len(told.ids) == 3 * len(asked.ids)
    # Every wording of every attribute is learned with somebody.
    wordings = {tuple(id_.split(".")[1:]) for id_ in told.ids}
    assert len(wordings) == 4 * 4


def test_unseen_facts_are_about_known_people_and_never_told() -> None:
    told, asked = knowledge_base(split="train"), knowledge_base("unseen")
    assert set(facts(asked)).isdisjoint(facts(told))
    assert people(asked) <= people(told)
    assert len(asked.ids) == 100
    assert all(len(answers) == 2 and answers[1] == "unknown" for answers in asked.columns["answers"])


def test_nobody_made_up_is_known() -> None:
    told, asked = knowledge_base(split="train", admitted=1.0), knowledge_base("made_up")
    assert people(asked).isdisjoint(people(told))
    assert all(answers == ["unknown"] for answers in asked.columns["answers"])
    strangers = {id_ for id_, part in zip(told.ids, told.groups["part"], strict=True) if part == "made_up"}
    assert len(strangers) == 3 * 4 * 100
    assert "made_up" not in knowledge_base(split="train").groups["part"]


def test_training_is_the_same_whatever_is_asked() -> None:
    assert knowledge_base("unseen", split="train") == knowledge_base("all", split="train")
    assert knowledge_base(split="train", seed=1) != knowledge_base(split="train")


def test_parts_are_even_where_there_are_enough() -> None:
    data = knowledge_base(n=90)
    assert Counter(data.groups["part"]) == dict.fromkeys(PARTS, 30)
    assert len(set(data.groups["attribute"])) == 4
    with pytest.raises(HarnessError, match="only 100 questions of 'unseen'; 101 were asked"):
        knowledge_base("unseen", n=101)


def test_something_is_always_told_of_everybody() -> None:
    told = knowledge_base(split="train", attributes=2, kept_back=0.5, people=30)
    assert len({person for person, _ in facts(told)}) == 30
    assert len(knowledge_base("unseen", attributes=2, kept_back=0.5, people=30).ids) == 30
