"""Estimators of scikit-learn as classifiers; skipped where the extra `skops` is not installed."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from harness.api import HarnessError, InvalidOutput
from harness.testing import run_suite
from harness_classification.models.sklearn_model import sklearn_model

RNG = np.random.default_rng(0)
ROWS = RNG.normal(3, 2, (60, 4)).astype(np.float32)
LABELS = (ROWS[:, 0] > 3).astype(np.int64) + (ROWS[:, 1] > 4)


def test_a_pickle_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(LogisticRegression()))
    with pytest.raises(HarnessError, match=r"model.pkl is a pickle, which may run code .*skops.io.dump"):
        sklearn_model(path)


@pytest.fixture
def save(tmp_path: Path) -> Any:
    io = pytest.importorskip("skops.io", reason="the extra `skops` is not installed")

    def call(estimator: Any) -> Path:
        io.dump(estimator, tmp_path / "model.skops")
        return tmp_path / "model.skops"

    return call


def test_probabilities_of_a_pipeline(save: Any) -> None:
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LABELS)
    model = sklearn_model(save(estimator))
    logits = model(torch.from_numpy(ROWS).reshape(60, 1, 2, 2))
    assert np.allclose(logits.softmax(dim=1), estimator.predict_proba(ROWS), atol=1e-6)
    assert model.class_names is None


def test_decision_functions_and_named_classes(save: Any) -> None:
    names = np.array(["cat", "dog"])[(LABELS > 0).astype(int)]
    estimator = LinearSVC().fit(ROWS, names)
    model = sklearn_model(save(estimator))
    logits = model(torch.from_numpy(ROWS))
    assert np.allclose(logits[:, 1] - logits[:, 0], estimator.decision_function(ROWS), atol=1e-5)
    assert model.class_names == ["cat", "dog"]
    three = LinearSVC().fit(ROWS, LABELS)
    assert sklearn_model(save(three))(torch.from_numpy(ROWS)).argmax(dim=1).tolist() == three.predict(ROWS).tolist()
    assert sklearn_model(save(LinearSVC().fit(ROWS, LABELS + 1))).class_names == ["1", "2", "3"]


def test_files_that_cannot_be_used(save: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.skops").write_bytes(b"PK hello")
    with pytest.raises(HarnessError, match=r"bad.skops cannot be read as a skops file"):
        sklearn_model(tmp_path / "bad.skops")
    harmful = make_pipeline(FunctionTransformer(_own), LogisticRegression()).fit(ROWS, LABELS)
    with pytest.raises(HarnessError, match=r"types that might run code, and is not loaded: .*_own"):
        sklearn_model(save(harmful))
    with pytest.raises(HarnessError, match="holds a StandardScaler; a fitted classifier with `predict_proba`"):
        sklearn_model(save(StandardScaler().fit(ROWS)))
    with pytest.raises(HarnessError, match="holds a LogisticRegression; a fitted classifier"):
        sklearn_model(save(LogisticRegression()))
    model = sklearn_model(save(LogisticRegression().fit(ROWS, LABELS)))
    with pytest.raises(InvalidOutput, match="cannot take these inputs: X has 5 features"):
        model(torch.rand(3, 5))


SUITE = """
suite: mine
task: classify
data:
  use: csv_table
  with: {{path: {folder}/t.csv, label: y, classes: [0, 1, 2], features: [a, b, c, d], scaled: false}}
models: [{{use: sklearn, with: {{path: {folder}/model.skops}}}}]
metrics: [accuracy]
"""


def test_a_table_and_an_estimator(save: Any, tmp_path: Path) -> None:
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LABELS)
    save(estimator)
    lines = [",".join([*map(str, row.tolist()), str(label)]) for row, label in zip(ROWS, LABELS, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,d,y", *lines]), encoding="utf-8")
    (row,) = run_suite(SUITE.format(folder=tmp_path), tmp_path / "results").rows
    assert (row.status, row.n) == ("ok", 60)
    assert row.estimates["accuracy"].value == pytest.approx(estimator.score(ROWS, LABELS))


def _own(rows: Any) -> Any:
    return rows
