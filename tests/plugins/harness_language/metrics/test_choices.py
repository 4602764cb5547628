"""Accuracy by likelihood per length, on records written by hand and on those of a run."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from harness.api import Records
from harness.testing import run_suite
from harness_language.metrics.choices import NormalisedChoiceAccuracy

COLUMNS = {
    # The total prefers the first everywhere. Per character and per byte: 2 and 1.5; 1.5 and 2; a tie; undefined twice.
    "choice_nll": [[4.0, 6.0], [3.0, 8.0], [2.0, 4.0], [None, 1.0], [1.0, 2.0], None],
    "choice_characters": [[2, 4], [2, 4], [1, 2], [1, 1], [1, 1], None],
    "choice_bytes": [[2, 8], [2, 2], [2, 2], [1, 1], [1, 1], None],
    "right_choice": [1, 1, 0, 0, None, None],
}


def test_likelihood_per_character_and_per_byte() -> None:
    records = Records.of(COLUMNS)
    by = {unit: NormalisedChoiceAccuracy(unit) for unit in ("characters", "bytes")}  # type: ignore[arg-type]
    assert by["characters"].per_example(records)[:3].tolist() == [1.0, 0.0, 0.5]
    assert by["bytes"].per_example(records)[:3].tolist() == [1.0, 0.0, 1.0]
    assert np.isnan(by["bytes"].per_example(records)[3:]).all()
    found = by["characters"].estimate(records)
    assert (found.value, found.n, found.n_missing) == (0.5, 3, 1)


def test_without_choices_it_does_not_apply() -> None:
    free = Records.of({name: column[-1:] for name, column in COLUMNS.items()})
    assert not NormalisedChoiceAccuracy().estimate(free).applies


SUITE = """
suite: chosen
task: answer
data: {use: questions, with: {path: q.jsonl, choices: options}}
models: [uniform]
metrics: [choice_accuracy, {use: acc_norm, as: by_characters}, {use: acc_norm, as: by_bytes, with: {by: bytes}}]
"""


def test_the_uniform_model_in_closed_form(tmp_path: Path) -> None:
    """Each byte costs log 256 and the space before a choice counts as likelihood, not as length."""
    rows = [
        {"prompt": "?", "answer": 1, "options": [" a", " bcd"]},
        {"prompt": "?", "answer": 0, "options": [" ü", " abcd"]},
        {"prompt": "free", "answer": "x", "options": None},
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run = run_suite(SUITE, tmp_path)
    (row,) = run.rows
    records = run.records(row).table.to_pydict()
    byte = math.log(256)
    assert records["choice_nll"][0] == pytest.approx([2 * byte, 4 * byte])
    assert records["choice_nll"][2] is None
    assert records["choice_bytes"] == [[1, 3], [2, 4], None]
    assert records["choice_characters"] == [[1, 3], [1, 4], None]
    assert records["right_choice"] == [1, 0, None]
    # By the total " a" and " ü" win. Per character 2 v 4/3 and 3 v 5/4; per byte 2 v 4/3 and 3/2 v 5/4.
    values = {name: estimate.value for name, estimate in row.estimates.items()}
    assert values == {"choice_accuracy": 0.5, "by_characters": 0.5, "by_bytes": 0.5}


def test_it_is_had_from_records_of_a_run_that_did_not_ask_for_it(tmp_path: Path) -> None:
    rows = [
        {"prompt": "?", "answer": 1, "options": [" a", " bcd"]},
        {"prompt": "?", "answer": 0, "options": [" a", " b"]},
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run = run_suite(SUITE[: SUITE.index(", {use: acc_norm")] + "]", tmp_path)
    records = run.records(run.rows[0])
    # " a" and " b" tie, and one of them is right.
    assert NormalisedChoiceAccuracy().estimate(records).value == (1 + 0.5) / 2
