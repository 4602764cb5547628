"""Logs over the same documents are put together; another prompt, subset or task is refused by its field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.contract.errors import UsageError
from harness.importing.joined import join
from harness.importing.logs import Log, Sample


def log(name: str, *ids: str, tool: str = "t", task: str = "k") -> Log:
    return Log(
        name, tool, task, f"model {name}", [Sample(i, f"q{i}", f"r{i}", "a", {"s": 1.0}, f"{name}, {i}") for i in ids]
    )


def changed(given: Log, **fields: str) -> Log:
    return replace(given, samples=[replace(given.samples[0], **fields), *given.samples[1:]])  # type: ignore[arg-type]


def test_samples_come_in_the_order_of_the_first() -> None:
    joined = join([log("a", "1", "2"), log("b", "2", "1")])
    assert [[sample.id for sample in each.samples] for each in joined.logs] == [["1", "2"], ["1", "2"]]
    assert joined.scores == ["s"]


def test_prompts_join_logs_that_name_documents_differently() -> None:
    other = log("b", "2", "1", tool="u", task="other name")
    renamed = replace(other, samples=[replace(sample, id=f"x{sample.id}") for sample in other.samples])
    joined = join([log("a", "1", "2"), renamed], by="prompt")
    assert [(sample.id, sample.where) for sample in joined.logs[1].samples] == [("1", "b, 1"), ("2", "b, 2")]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (log("b", "1"), "id: b lacks 1 of 2 documents, first '2'"),
        (log("b", "1", "2", "3"), "id: a lacks 1 of 3 documents, first '3'"),
        (log("b", "1", "2", task="l"), "task: a is of 'k', b of 'l'"),
        (changed(log("b", "1", "2"), prompt="?"), "prompt: 'q1' in a, 1, '\\?' in b, 1"),
        (changed(log("b", "1", "2"), reference="?"), "reference: 'r1' in a, 1"),
    ],
)
def test_other_documents_are_refused_by_the_field(other: Log, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        join([log("a", "1", "2"), other])


def test_what_may_differ_is_that_of_the_first() -> None:
    joined = join([log("a", "1"), changed(log("b", "1"), prompt="?")], allowed=("prompt",))
    assert joined.documents[0].prompt == "q1"


def test_a_prompt_that_stands_twice_joins_nothing() -> None:
    with pytest.raises(UsageError, match="its prompt stands in a, 1 too"):
        join([changed(log("a", "1", "2"), prompt="q2"), log("b", "1", "2")], by="prompt")


def test_models_of_one_name_are_told_apart() -> None:
    one = replace(log("a", "1"), model="m")
    assert [each.model for each in join([one, replace(one, name="b")]).logs] == ["m 1", "m 2"]
