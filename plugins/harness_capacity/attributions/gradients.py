"""Attributions from gradients of the explained logit: plain, times the input, along a path, over noise."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, ExplainedInputs, GradientAccess, Quantity


def logit_gradient(model: GradientAccess, inputs: Tensor, targets: Tensor) -> Tensor:
    """The gradient `[m, ...]` of the logit of the target class `[m]` with respect to each input."""
    with torch.enable_grad():
        inputs = inputs.detach().requires_grad_(True)
        chosen = model(inputs).gather(1, targets[:, None])
        (gradient,) = torch.autograd.grad(chosen.sum(), inputs)
    return gradient


class Gradient:
    """The gradient of the explained logit with respect to the input (saliency)."""

    quantity: Quantity = "gradient"

    def attribute(self, model: GradientAccess, batch: ExplainedInputs, ctx: Context) -> Tensor:
        """One forward and one backward pass."""
        return logit_gradient(model, batch.inputs, batch.targets)


class GradientTimesInput:
    """The gradient of the explained logit times the input: the exact contributions if the model is linear."""

    quantity: Quantity = "contribution"

    def attribute(self, model: GradientAccess, batch: ExplainedInputs, ctx: Context) -> Tensor:
        """One forward and one backward pass."""
        return logit_gradient(model, batch.inputs, batch.targets) * batch.inputs


class IntegratedGradients:
    """Gradients averaged on the straight line from a baseline to the input, times the way between.

    Sundararajan 2017, eq. 1, by the midpoint rule. The sum of a map is the change of the logit from the baseline to the
    input (completeness), up to the error of the rule: for the digits that ship 1 % with 32 steps and .01 % with 2,500,
    since the gradient of a network of rectified units jumps on the way.

    Args:
        baseline: the value of every element of the baseline, in units of the inputs.
        steps: points on the line.
    """

    quantity: Quantity = "contribution"

    def __init__(self, baseline: float = 0.0, steps: Annotated[int, Ge(1)] = 32) -> None:
        self._baseline, self._steps = baseline, steps

    def attribute(self, model: GradientAccess, batch: ExplainedInputs, ctx: Context) -> Tensor:
        """As many forward and backward passes as steps."""
        way = batch.inputs - self._baseline
        total = torch.zeros_like(way)
        for step in range(self._steps):
            total += logit_gradient(model, self._baseline + way * ((step + 0.5) / self._steps), batch.targets)
        return total / self._steps * way


class SmoothGrad:
    """The mean gradient of the explained logit over inputs with Gaussian noise (Smilkov 2017).

    Args:
        deviation: standard deviation of the noise, in units of the width of the box.
        draws: noisy copies of each input.
    """

    quantity: Quantity = "gradient"

    def __init__(self, deviation: Annotated[float, Ge(0)] = 0.15, draws: Annotated[int, Ge(1)] = 16) -> None:
        self._deviation, self._draws = deviation, draws

    def attribute(self, model: GradientAccess, batch: ExplainedInputs, ctx: Context) -> Tensor:
        """As many forward and backward passes as draws."""
        scale = self._deviation * (batch.high - batch.low)
        # One stream for each example, since seeding a generator costs as much as a pass of a small network.
        noise = ctx.normal(batch.ids, (self._draws, *batch.inputs.shape[1:]), "noise") * scale
        total = torch.zeros_like(batch.inputs)
        for draw in range(self._draws):
            total += logit_gradient(model, batch.inputs + noise[:, draw], batch.targets)
        return total / self._draws
