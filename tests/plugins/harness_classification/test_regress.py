"""Regression: records by hand, the same for every batch size, and models that break the rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.api import Context, Examples, InvalidOutput, Outcome, Prediction
from harness.testing import assert_same_records, run_suite
from harness_classification.regress import Regress

DATA = Examples(
    ["a", "b", "c"],
    {"inputs": np.array([[1.0], [2.0], [3.0]], dtype=np.float32), "targets": np.array([1.0, 5.0, 2.0])},
    {"sex": ["f", "m", "f"]},
    {"unit": "mmHg"},
)


class Model:
    """Predicts by a function of the inputs `[n]`."""

    def __init__(self, answer: Callable[[Tensor], Any]) -> None:
        self.answer = answer

    def predict(self, inputs: Tensor) -> Any:
        return self.answer(inputs[:, 0])


def outcome(answer: Callable[[Tensor], Any], data: Examples = DATA, batch_size: int = 2) -> Outcome:
    return Regress().run(Model(answer), data, Context(batch_size=batch_size))


def test_records_by_hand() -> None:
    found = outcome(lambda x: Prediction(2 * x, torch.ones_like(x), 2 * x - 1, 2 * x + 1, 0.9))
    assert list(found.records["prediction"]) == [2.0, 4.0, 6.0]
    assert list(found.records["error"]) == [1.0, -1.0, 4.0]
    assert list(found.records["deviation"]) == [1.0] * 3
    assert (list(found.records["low"]), list(found.records["high"])) == ([1.0, 3.0, 5.0], [3.0, 5.0, 7.0])
    assert found.records["level"] == [0.9] * 3
    assert found.records["group.sex"] == ["f", "m", "f"]
    assert found.protocol == {"unit": "mmHg"}
    assert found.problems == ()


def test_what_a_model_does_not_say_is_none() -> None:
    found = outcome(Prediction)
    assert [found.records[name] for name in ("deviation", "low", "high", "level")] == [[None] * 3] * 4


def test_predictions_that_are_not_finite_are_a_problem_and_missing() -> None:
    found = outcome(lambda x: Prediction(torch.where(x == 2, torch.nan, x)))
    assert found.records["prediction"] == [1.0, None, 3.0]
    assert found.problems == ("1 of 3 predictions are not finite, first for 'b'",)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda x: x, "predicted a Tensor, not a Prediction"),
        (lambda x: Prediction(x[:, None]), r"mean is \[2, 1\], expected \[2\]"),
        (lambda x: Prediction(None), "the model predicted no mean"),
        (lambda x: Prediction(x, 0 * x), "deviation must be positive"),
        (lambda x: Prediction(x, x * torch.inf), "deviation is not finite everywhere"),
        (lambda x: Prediction(x, low=x), "interval needs both ends"),
        (lambda x: Prediction(x, low=x + 1, high=x, level=0.9), "the low one below the high one"),
        (lambda x: Prediction(x, low=x, high=x + 1), "without its nominal coverage `level`"),
        (lambda x: Prediction(x, x) if len(x) == 2 else Prediction(x), "something else of its uncertainty from batch"),
    ],
)
def test_models_that_break_the_rules(answer: Callable[[Tensor], Any], told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        outcome(answer)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"inputs": np.ones((3, 1), np.float32)}, "lacks the column 'targets'"),
        ({"inputs": np.full((3, 1), np.nan, np.float32), "targets": np.ones(3)}, "inputs must be finite"),
        ({"inputs": np.ones((3, 1), np.float32), "targets": np.array([1, np.inf, 2])}, "one finite number per example"),
    ],
)
def test_data_that_cannot_be_regressed(columns: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        outcome(Prediction, Examples(["a", "b", "c"], columns))


SUITE = """
suite: regression
task: regress
data: {use: diabetes, limit: 40}
models: [{use: tabular_mlp, with: {epochs: 3}}, {use: gradient_boosting, with: {trees: 5}}, logistic]
metrics: [regression_error]
"""


def test_records_do_not_depend_on_the_batch_size(tmp_path: Any) -> None:
    one, many = (run_suite(SUITE, tmp_path / str(size), batch_size=size) for size in (1, 64))
    assert [row.status for row in one.rows] == ["ok", "ok", "skipped"]
    assert "no predict" in one.rows[2].reason
    assert_same_records(one, many)
