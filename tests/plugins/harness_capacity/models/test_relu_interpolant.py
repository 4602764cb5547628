"""The constructed network: equal to linear interpolation, and what it cannot be made of."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.api import Context, Dataset, Examples, HarnessError, NotApplicable
from harness_capacity.data.function import function
from harness_capacity.models.relu_interpolant import ReluInterpolant


def fitted(data: Dataset, width: int) -> ReluInterpolant:
    model = ReluInterpolant(width)
    model.fit(lambda split: data, Context())
    return model


def test_it_is_the_polygon_of_numpy() -> None:
    model, data = fitted(function("runge", split="train"), 7), function("runge")
    x = np.asarray(data.columns["inputs"], dtype=np.float64)[:, 0]
    knots = np.linspace(-1, 1, 8)
    expected = np.interp(x, knots, 1 / (1 + 25 * knots**2))
    found = model.predict(torch.as_tensor(data.columns["inputs"])).mean
    assert np.allclose(found.numpy(), expected, atol=1e-12)


def test_it_goes_through_its_knots_whatever_the_training_points_are() -> None:
    model = fitted(function("square_root", split="train", n=5), 10)
    at = torch.linspace(0, 1, 11, dtype=torch.float64)[:, None]
    assert torch.allclose(model.predict(at).mean, at[:, 0].sqrt(), atol=1e-12)
    assert model.facts == {"parameters": 21}


def test_unknown_formulas_and_several_numbers_are_refused() -> None:
    with pytest.raises(HarnessError, match="those of the dataset `function`"):
        fitted(Examples(["a"], {"inputs": np.ones((1, 1)), "targets": np.ones(1)}), 4)
    with pytest.raises(NotApplicable, match="functions of one number"):
        fitted(function("franke", split="train"), 4)
