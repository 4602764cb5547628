"""Reading answers to GSM8K gives the verdicts published with the data set (Cobbe et al. 2021)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness_language.tasks.answer_extraction import extract, same_value


@pytest.mark.parametrize(
    ("model", "correct"),
    [("6b_finetuning", 286), ("6b_verification", 515), ("175b_finetuning", 458), ("175b_verification", 742)],
)
def test_every_published_verdict_is_reproduced(data_folder: Path, model: str, correct: int) -> None:
    lines = (data_folder / "language" / "gsm8k" / "example_model_solutions.jsonl").read_text("utf-8").splitlines()
    verdicts = []
    for line in lines:
        row = json.loads(line)
        expected, found = (extract(text, "auto", "number") for text in (row["ground_truth"], row[model]["solution"]))
        assert expected.value is not None
        said = found.value is not None and same_value(found.value, expected.value, "number")
        assert said == row[model]["is_correct"], row[model]["solution"]
        verdicts.append(said)
    assert (sum(verdicts), len(verdicts)) == (correct, 1319)


def test_the_answers_of_the_test_set_are_read_as_the_published_code_reads_them(data_folder: Path) -> None:
    lines = (data_folder / "language" / "gsm8k" / "test.jsonl").read_text("utf-8").splitlines()
    for text in (json.loads(line)["answer"] for line in lines):
        assert extract(text, "marker").value == text.rpartition("#### ")[2].replace(",", "")
