"""Ensembles of regression models, by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from harness.api import Prediction
from harness_capacity.models.function_ensemble import FunctionEnsemble


@dataclass
class Fixed:
    value: float

    def predict(self, inputs: Tensor) -> Prediction:
        return Prediction(torch.full((len(inputs),), self.value))


def test_the_mean_and_the_deviation_of_the_members() -> None:
    made = FunctionEnsemble({"a": Fixed(1.0), "b": Fixed(3.0)}, 2).predict(torch.zeros(2, 1))
    assert made.mean.tolist() == [2.0, 2.0]
    assert made.deviation is not None
    assert made.deviation.tolist() == pytest.approx([2**0.5] * 2)


def test_members_that_agree_state_a_deviation_that_is_positive() -> None:
    made = FunctionEnsemble({"a": Fixed(1.0), "b": Fixed(1.0)}, 2).predict(torch.zeros(1, 1))
    assert made.deviation is not None
    assert 0 < made.deviation.item() < 1e-6


class Module(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def predict(self, inputs: Tensor) -> Prediction:
        return Prediction(inputs[:, 0] * self.weight)


def test_weights_of_the_members_are_watched() -> None:
    """The task checks that a model is left unchanged by the state it shows."""
    assert len(FunctionEnsemble({"a": Module(), "b": Module()}).state_dict()) == 2
