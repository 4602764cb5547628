"""Trained networks of a few numbers: they learn, are a function of the seed, and check the dimensions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.api import Context, NotApplicable
from harness_capacity.data.function import function
from harness_capacity.models.function_mlp import FunctionMLP


def trained(seed: int = 0, steps: int = 300, **how: object) -> FunctionMLP:
    torch.manual_seed(seed)
    model = FunctionMLP(16, steps=steps, **how)  # type: ignore[arg-type]
    model.fit(lambda split: function("sine", split="train", n=64, low=2.0, high=3.0), Context())
    return model


def largest_error(model: FunctionMLP) -> float:
    data = function("sine", low=2.0, high=3.0)
    with torch.no_grad():
        predicted = model.predict(torch.as_tensor(data.columns["inputs"])).mean
    return float(np.abs(predicted.numpy() - data.columns["targets"]).max())


def test_it_learns_a_range_far_from_zero() -> None:
    assert largest_error(trained(layers=2, steps=1000)) < 0.3
    assert largest_error(trained(layers=2, steps=1)) > 0.8


def test_training_is_a_function_of_the_seed() -> None:
    assert largest_error(trained(3, 20)) == largest_error(trained(3, 20))
    assert largest_error(trained(3, 20)) != largest_error(trained(4, 20))


def test_parameters_are_counted_and_dimensions_checked() -> None:
    assert FunctionMLP(8, layers=2, dimensions=2).facts == {"parameters": 2 * 8 + 8 + 64 + 8 + 8 + 1}
    with pytest.raises(NotApplicable, match=r"`dimensions: 2`; the inputs of the data have shape \[1\]"):
        trained(dimensions=2)
