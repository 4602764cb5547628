"""The task `answer` as a suite runs it, with rules of decoding and metrics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness import Run
from harness.testing import assert_same_records, run_suite

SUITE = """
suite: asked
task: {use: answer, with: {max_tokens: 4, template: "Q: {prompt}\\nA:", stop: ["\\n", "Q:"]}}
data: {use: questions, with: {path: questions.jsonl, choices: options, groups: [level], answer_kind: number}}
models: [uniform]
samplers: [none, {use: temperature, with: {temperature: 0.7}}, top_k, top_p]
metrics: [exact_match, choice_accuracy, extraction_failures, answer_likelihood, tokens_per_second]
"""


def go(folder: Path, batch_size: int) -> Run:
    folder.mkdir(exist_ok=True)
    rows: Sequence[dict[str, object]] = [
        *({"prompt": f"{i}+{10**i}=", "answer": i + 10**i, "options": None, "level": i % 2} for i in range(8)),
        {"prompt": "sky?", "answer": 1, "options": [" red", " blue", " grey"], "level": 2},
    ]
    (folder / "questions.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return run_suite(SUITE, folder, batch_size=batch_size)


def test_records_do_not_depend_on_the_batch_size(tmp_path: Path) -> None:
    alone, some, all_ = (go(tmp_path / str(size), size) for size in (1, 7, 64))
    assert_same_records(alone, some)
    assert_same_records(alone, all_)


def test_the_uniform_model_in_closed_form(tmp_path: Path) -> None:
    run = go(tmp_path, 64)
    for row in run.rows:
        assert row.status == "ok"
        found = row.estimates
        assert found["exact_match"].value == 0.0
        assert found["exact_match"].n == 9
        # " red" has four bytes and wins over two choices of five.
        assert found["choice_accuracy"].value == 0.0
        assert found["answer_likelihood"].value == pytest.approx(1 / 256)
        assert found["answer_likelihood"].within == "tokenizer bytes"
        assert found["tokens_per_second"].value is not None
    sampled = {row.labels["sampler"]: run.records(row)["answer"].tolist() for row in run.rows}
    assert len(set(map(tuple, sampled.values()))) == 4
