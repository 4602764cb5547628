"""Classifiers of texts behind a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("httpx")

from harness.api import HarnessError, UsageError
from harness.testing import run_suite
from harness_language.served.http_classifier import HTTPClassifier
from served_stub import Say, Stub

LABELLED = [[{"label": "good", "score": 0.75}, {"label": "bad", "score": 0.25}]]


def classifier(stub: Stub, cache: Path, **how: Any) -> HTTPClassifier:
    return HTTPClassifier(**{"url": f"{stub.url}/predict", "classes": ["bad", "good"], "cache": cache, **how})


@pytest.mark.parametrize(
    ("body", "how"),
    [
        (LABELLED, {}),
        (LABELLED[0], {}),
        ([0.25, 0.75], {}),
        ({"result": {"scores": [0.25, 0.75]}}, {"outputs": "result.scores"}),
        ([[-0.5, 0.5986122886681098]], {"scores": "logits"}),
    ],
)
def test_scores_of_several_shapes(body: Any, how: dict[str, Any], tmp_path: Path) -> None:
    with Stub(plan=lambda text, _: Say(body=body)) as stub:
        logits, cut = classifier(stub, tmp_path, **how).classify(["x", "y"], 1)
        assert list(cut) == [False, False]
        assert torch.allclose(logits.softmax(dim=1), torch.tensor([[0.25, 0.75]] * 2))
        classifier(stub, tmp_path, **how).classify(["x", "y"], 1)
        assert set(stub.attempts.values()) == {1}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ([0.5], "in place of 2 scores"),
        ({"scores": [0.5, 0.5]}, "in place of 2 scores"),
        ([2.0, -1.0], "say `scores: logits`"),
        (
            [[{"label": "LABEL_0", "score": 0.5}, {"label": "LABEL_1", "score": 0.5}]],
            "knows the classes LABEL_0, LABEL_1",
        ),
    ],
)
def test_what_is_no_score_is_an_error(body: Any, told: str, tmp_path: Path) -> None:
    with Stub(plan=lambda text, _: Say(body=body)) as stub, pytest.raises(HarnessError, match=told):
        classifier(stub, tmp_path, retries=0).classify(["x"], 1)


def test_a_text_that_is_refused_has_no_class(tmp_path: Path) -> None:
    plan = lambda text, _: Say(422, {"detail": "too long"}) if text == "y" else Say(body=LABELLED)  # noqa: E731
    with Stub(plan=plan) as stub, pytest.raises(HarnessError, match=r"text 2 has no class: .*too long"):
        classifier(stub, tmp_path).classify(["x", "y"], 1)


def test_classes_have_names_of_their_own(tmp_path: Path) -> None:
    with Stub() as stub, pytest.raises(UsageError, match="two or more different names"):
        classifier(stub, tmp_path, classes=["bad", "bad"])


def test_it_is_a_model_of_a_suite(tmp_path: Path) -> None:
    rows = [{"text": f"{word} {i}", "label": word} for word in ("good", "bad") for i in range(5)]
    (tmp_path / "texts.jsonl").write_text("\n".join(map(json.dumps, rows)))

    def plan(text: str, attempt: int) -> Say:
        share = 0.9 if "good" in text else 0.2
        return Say(body=[share, 1 - share])

    with Stub(plan=plan) as stub:
        with_ = f"{{url: '{stub.url}/predict', classes: [good, bad], cache: '{tmp_path}'}}"
        (tmp_path / "suite.yaml").write_text(
            "suite: served\ntask: classify_text\n"
            "data: {use: text_table, with: {path: texts.jsonl}}\n"
            f"models: [{{use: http_classifier, with: {with_}}}]\n"
            "attacks: [none, {use: typos, with: {rate: 1.0}}]\nmetrics: [accuracy]\n"
        )
        run = run_suite(tmp_path / "suite.yaml", tmp_path / "results")
    assert [row.status for row in run.rows] == ["ok", "ok"], [row.reason for row in run.rows]
    assert run.rows[0].estimates["accuracy"].value == 1.0
