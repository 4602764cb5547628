"""Answers on the page of a run: which are chosen, and that long ones are cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.api import MeasuredCell, Records, Row, Status
from harness_language.transcripts import MAX_CHARACTERS, sections


def cell(task: str = "harness/answer", **columns: list[Any]) -> MeasuredCell:
    labels = {"data": "sums", "model": "ngram", "sampler": "greedy"}
    row = Row("e", labels, 1, Status.OK, n=5, comparability={"task": {"name": task}, "protocol": {}}, cell="c")
    n = len(columns["correct"])
    texts = {"id": [f"q{i}" for i in range(n)], "prompt": ["1+1="] * n, "answer": ["2"] * n, "expected": ["2"] * n}
    return MeasuredCell(row, "", lambda: Records.of({**texts, **columns}))


def test_the_first_wrong_and_the_first_other_answers() -> None:
    (section,) = sections([cell(correct=[True, True, True, False, None, False, False])])
    (transcript,) = section.values["transcripts"]
    assert transcript.title == "ngram / greedy, seed 1"
    assert [answer["id"] for answer in transcript.answers] == ["q3", "q5", "q0", "q1"]
    assert [answer["correct"] for answer in transcript.answers] == [False, False, True, True]


def test_a_prompt_keeps_its_end_and_an_answer_its_beginning() -> None:
    (section,) = sections([cell(correct=[True], prompt=["a" * 5000 + "z"], answer=["b" + "c" * 5000])])
    (answer,) = section.values["transcripts"][0].answers
    assert (len(answer["prompt"]), len(answer["answer"])) == (MAX_CHARACTERS, MAX_CHARACTERS)
    assert (answer["prompt"][-2:], answer["answer"][:2]) == ("az", "bc")


def test_tasks_are_known_by_their_columns() -> None:
    (section,) = sections([cell("a_stranger/quiz", correct=[True])])
    assert len(section.values["transcripts"]) == 1
    without = cell(correct=[True])
    records = without.records().table.drop_columns(["expected"])
    assert list(sections([replace(without, records=lambda: Records(records))])) == []
