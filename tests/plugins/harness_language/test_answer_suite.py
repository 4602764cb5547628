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


SET = """
suite: mine
task:
  use: answer
  with: {template: "Q: {prompt}\\n{choices}\\nA:", choose: letter, shots: 2}
data:
  use: questions
  with: {path: mine.csv, prompts: "{subject}: {question}", choices: [A, B, C], answers_are: letter, groups: [subject]}
models: [uniform]
attacks: [none, {use: typos, with: {rate: 0.1}}]
groups: [subject]
metrics: [exact_match, choice_accuracy, ece]
"""


def test_a_question_set_is_yaml_alone(tmp_path: Path) -> None:
    """File, template, examples, choices and metrics, with noise and groups; no line of Python."""
    rows = [f"{'art' if i % 2 else 'law'},Which is {i}?,{i},{i + 1},{i + 2},{'ABC'[i % 3]}" for i in range(12)]
    (tmp_path / "mine.csv").write_text("\n".join(["subject,question,A,B,C,answer", *rows]))
    (tmp_path / "mine.yaml").write_text(SET)
    run = run_suite(tmp_path / "mine.yaml", tmp_path / "results")
    whole = [row for row in run.rows if row.cell and row.n]
    assert {row.status for row in whole} == {"ok"}
    prompt = run.records(whole[0])["prompt"][0]
    assert prompt.count("Q: ") == 3
    assert prompt.endswith("Q: law: Which is 0?\nA. 0\nB. 1\nC. 2\nA:")
    # All letters are as likely: a third of the credit for each.
    assert whole[0].estimates["choice_accuracy"].value == pytest.approx(1 / 3)
