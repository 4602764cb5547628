"""Functions as classifiers: logits and probabilities, in a suite, and what cannot be used."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from harness.api import HarnessError, InvalidOutput
from harness.testing import run_suite
from harness_classification.models.function import function_model

INPUTS = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
CODE = """
import numpy as np

def scores(inputs):
    assert inputs.dtype == np.float32
    rows = inputs.reshape(len(inputs), -1)
    return 4 * rows[:, :10] - 2

def shares(inputs):
    raised = np.exp(scores(inputs))
    return raised / raised.sum(axis=1, keepdims=True)

def greedy(inputs):
    inputs[:] = 0
    return np.zeros((len(inputs), 10))

def flat(inputs):
    return inputs.sum(axis=(1, 2, 3))

WIDTH = 10
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "my_scores.py").write_text(CODE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_scores", raising=False)
    return "my_scores"


def test_logits_and_probabilities(module: str) -> None:
    logits = function_model(f"{module}:scores")(INPUTS)
    assert logits.dtype == torch.float32
    assert torch.allclose(logits, 4 * INPUTS.flatten(1)[:, :10] - 2)
    of_shares = function_model(f"{module}:shares", "probabilities")(INPUTS)
    assert torch.allclose(of_shares, logits.log_softmax(dim=1), atol=1e-6)


def test_a_function_cannot_change_the_data(module: str) -> None:
    before = INPUTS.clone()
    function_model(f"{module}:greedy")(INPUTS)
    assert torch.equal(INPUTS, before)


def test_functions_that_cannot_be_used(module: str) -> None:
    with pytest.raises(HarnessError, match=r'must be written as "package.module:attribute"'):
        function_model("scores")
    with pytest.raises(HarnessError, match="cannot be imported: ModuleNotFoundError"):
        function_model("nowhere_at_all:scores")
    with pytest.raises(HarnessError, match=r"cannot be imported: AttributeError.*sores"):
        function_model(f"{module}:sores")
    with pytest.raises(HarnessError, match="is a int, not a function"):
        function_model(f"{module}:WIDTH")
    with pytest.raises(InvalidOutput, match=r"returned shape \[5\] for 5 inputs, not \[n, classes\]"):
        function_model(f"{module}:flat")(INPUTS)
    with pytest.raises(InvalidOutput, match=r"outside \[0, 1\]; they are no probabilities: say `outputs: logits`"):
        function_model(f"{module}:scores", "probabilities")(INPUTS)


SUITE = """
suite: mine
task: classify
data: {use: digits, limit: 16}
models: [{use: callable, with: {function: "my_scores:scores"}}]
attacks: [none, {use: square, with: {eps: 0.3, queries: 20}}, {use: pgd, with: {eps: 0.1}}]
metrics: [accuracy, robust_accuracy]
"""


def test_gradient_attacks_are_skipped_in_the_plan(module: str, tmp_path: Path) -> None:
    run = run_suite(SUITE, tmp_path / "results", allow_imports=True)
    status = {row.labels.get("attack"): (row.status, row.reason) for row in run.rows}
    assert status["none"][0] == "ok"
    assert status["square"][0] in ("ok", "suspect")
    assert status["pgd"][0] == "skipped"
    assert "needs model callable to be GradientAccess; it has no named_modules, parameters" in status["pgd"][1]
