"""Gradient maps of small functions, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, ExplainedInputs
from harness_capacity.attributions.gradients import (
    Gradient,
    GradientTimesInput,
    IntegratedGradients,
    SmoothGrad,
    logit_gradient,
)


class Squares(nn.Module):
    """Two logits of inputs `[m, 2]`: a^2 + 3 b, and a b."""

    def forward(self, inputs: Tensor) -> Tensor:
        a, b = inputs.unbind(dim=1)
        return torch.stack([a * a + 3 * b, a * b], dim=1)


BATCH = ExplainedInputs(["x", "y"], torch.tensor([[2.0, 1.0], [3.0, 5.0]]), torch.tensor([0, 1]))


def test_the_logit_of_the_target_of_each_example_is_differentiated() -> None:
    assert Gradient().attribute(Squares(), BATCH, Context()).tolist() == [[4.0, 3.0], [5.0, 3.0]]
    with torch.no_grad():
        assert logit_gradient(Squares(), BATCH.inputs, BATCH.targets).tolist() == [[4.0, 3.0], [5.0, 3.0]]


def test_times_the_input() -> None:
    assert GradientTimesInput().attribute(Squares(), BATCH, Context()).tolist() == [[8.0, 3.0], [15.0, 15.0]]


def test_the_midpoint_rule_is_exact_for_quadratic_logits_and_starts_at_the_baseline() -> None:
    maps = IntegratedGradients(steps=2).attribute(Squares(), BATCH, Context())
    torch.testing.assert_close(maps, torch.tensor([[4.0, 3.0], [7.5, 7.5]]))
    from_one = IntegratedGradients(baseline=1.0, steps=1).attribute(Squares(), BATCH, Context())
    # (2 + 1) (2 - 1) and 3 (1 - 1); the mean of b and of a on the way, times the way.
    torch.testing.assert_close(from_one, torch.tensor([[3.0, 0.0], [6.0, 8.0]]))


def test_noise_is_drawn_by_example_and_in_units_of_the_box() -> None:
    wide = ExplainedInputs(BATCH.ids, BATCH.inputs, BATCH.targets, low=-1.0, high=1.0)
    method = SmoothGrad(deviation=0.5, draws=3)
    maps = method.attribute(Squares(), wide, Context())
    noise = Context().normal(["x"], (3, 2), "noise")[0]
    assert float(maps[0, 0]) == pytest.approx(2 * (2.0 + float(noise[:, 0].mean())), abs=1e-5)
    alone = ExplainedInputs(["y"], wide.inputs[1:], wide.targets[1:], low=-1.0, high=1.0)
    torch.testing.assert_close(method.attribute(Squares(), alone, Context())[0], maps[1])
    torch.testing.assert_close(SmoothGrad(0.0).attribute(Squares(), BATCH, Context()), torch.tensor([[4.0, 3], [5, 3]]))
