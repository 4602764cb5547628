"""Least squares baselines: exact where the function is among their features, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.api import Context, Dataset, Examples, HarnessError, NotApplicable, Prediction
from harness_capacity.data.function import function
from harness_capacity.models.least_squares import LeastSquares


def predicted(data: Dataset, at: list[list[float]], **how: object) -> Prediction:
    model = LeastSquares(**how)  # type: ignore[arg-type]
    model.fit(lambda split: data, Context())
    return model.predict(torch.tensor(at))


def table(inputs: list[list[float]], targets: list[float]) -> Examples:
    return Examples([str(i) for i in range(len(targets))], {"inputs": np.array(inputs), "targets": np.array(targets)})


def test_the_mean_and_its_deviation_by_hand() -> None:
    made = predicted(table([[0.0], [1.0], [2.0]], [1.0, 2.0, 6.0]), [[5.0]], features="constant")
    # The variance of 1, 2, 6 is 7; a further value differs from their mean by 7 (1 + 1/3).
    assert made.mean.item() == pytest.approx(3.0)
    assert made.deviation is not None
    assert made.deviation.item() == pytest.approx(np.sqrt(7 * 4 / 3))


def test_a_plane_is_found_and_continued() -> None:
    made = predicted(table([[0, 0], [1, 0], [0, 1], [2, 3]], [1, 3, 0, 2]), [[10.0, 10.0]], dimensions=2)
    assert made.mean.item() == pytest.approx(1 + 20 - 10)


def test_a_series_of_the_right_period_continues_the_sine_and_one_of_another_does_not() -> None:
    at = [[1.1], [1.7]]
    right = predicted(function("sine", split="train"), at, features="fourier", harmonics=1).mean
    assert np.allclose(right.numpy(), np.sin(2 * np.pi * np.array([1.1, 1.7])), atol=1e-6)
    wrong = predicted(function("sine", split="train"), at, features="fourier", period=2.5).mean
    assert np.abs(wrong.numpy() - right.numpy()).max() > 0.1


def test_what_does_not_fit() -> None:
    with pytest.raises(HarnessError, match="has 7 coefficients and needs more training points than 4"):
        predicted(function("sine", split="train", n=4), [[0.0]], features="fourier")
    with pytest.raises(NotApplicable, match="series of least_squares is of one number"):
        LeastSquares("fourier", dimensions=2)
    with pytest.raises(NotApplicable, match=r"`dimensions: 1`; the inputs of the data have shape \[2\]"):
        predicted(function("franke", split="train"), [[0.0]])
