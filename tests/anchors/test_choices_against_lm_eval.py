"""Accuracy, acc_norm and acc_bytes of questions with choices, against lm-evaluation-harness on a model of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.api import Context, Examples, Records
from harness_language.metrics.choices import NormalisedChoiceAccuracy
from harness_language.models.hugging_face import causal_language_model
from harness_language.tasks.answer import Answer
from tiny_gpt2 import save_gpt2

pytest.importorskip("lm_eval", reason="lm-eval is not installed; it comes with the extra `anchors`")
pytest.importorskip("accelerate", reason="lm-eval needs accelerate for Hugging Face models")
pytest.importorskip("datasets", reason="lm-eval reads its questions with datasets")

pytestmark = pytest.mark.slow


def questions(count: int = 40) -> list[dict[str, Any]]:
    """With choices of several lengths and scripts; in every fourth question one choice begins another."""
    from pydoc_data.topics import topics

    words = topics["typesmapping"].split()
    rng, rows = np.random.default_rng(0), []
    for i in range(count):
        choices = [" ".join(rng.choice(words, size=n)) for n in rng.integers(1, 5, size=4)]
        choices[1] += rng.choice(["", " ü", " 漢字"])
        if i % 4 == 0:
            choices[3] = f"{choices[0]} {choices[3]}"
        prompt = " ".join(rng.choice(words, size=int(rng.integers(3, 60))))
        rows.append({"prompt": f"{i} {prompt}", "choices": choices, "answer": int(rng.integers(4))})
    return rows


def by_lm_eval(model: Path, file: Path) -> tuple[dict[str, float], list[list[float]]]:
    """Its accuracies, and the log-likelihood of each choice of each question."""
    from lm_eval import evaluate
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.models.huggingface import HFLM

    metrics = [{"metric": name, "aggregation": "mean"} for name in ("acc", "acc_norm", "acc_bytes")]
    task = ConfigurableTask(
        config={
            "task": "chosen",
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": {"test": str(file)}},
            "test_split": "test",
            "output_type": "multiple_choice",
            "doc_to_text": "Q: {{prompt}}\nA:",
            "doc_to_choice": "choices",
            "doc_to_target": "answer",
            "metric_list": metrics,
        }
    )
    network = HFLM(pretrained=str(model), device="cpu", dtype="float32", batch_size=8)
    found = evaluate(network, {"chosen": task}, bootstrap_iters=0, log_samples=True)
    samples = sorted(found["samples"]["chosen"], key=lambda sample: sample["doc_id"])
    values = {name: found["results"]["chosen"][f"{name},none"] for name in ("acc", "acc_norm", "acc_bytes")}
    return values, [[float(score) for score, _ in sample["filtered_resps"]] for sample in samples]


def test_the_same_likelihoods_and_accuracies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    rows = questions()
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, rows)))
    theirs, likelihoods = by_lm_eval(save_gpt2(tmp_path / "gpt2"), tmp_path / "q.jsonl")
    data = Examples(
        [str(i) for i in range(len(rows))],
        {
            "prompts": [row["prompt"] for row in rows],
            "choices": [[f" {choice}" for choice in row["choices"]] for row in rows],
            "answers": [row["answer"] for row in rows],
        },
    )
    model: Any = causal_language_model(tmp_path / "gpt2")
    task = Answer(template="Q: {prompt}\nA:", bos="none", end_choices="never")
    records = task.run(model, data, None, None, Context()).records
    for mine, given in zip(records["choice_nll"], likelihoods, strict=True):
        assert mine == pytest.approx([-value for value in given], rel=1e-5)
    stored = Records.of(records)
    assert np.mean(records["credit"]) == pytest.approx(theirs["acc"])
    for name, by in (("acc_norm", "characters"), ("acc_bytes", "bytes")):
        assert NormalisedChoiceAccuracy(by).estimate(stored).value == pytest.approx(theirs[name])  # type: ignore[arg-type]
    assert len(set(theirs.values())) > 1, "the three differ on these questions"
