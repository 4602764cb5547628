"""A local test of gradients: whether small steps change the margin by what the gradient predicts."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.api.attacks import steepest
from harness_classification.indicators.probes import Probe
from harness_classification.indicators.watch import HUGE_GRAD

SCALES = (0.03, 0.3)
"""Of the steps that are tried, as shares of the budget."""
DIRECTIONS = 2
"""Random directions that are tried beside that of the gradient."""
MAX_RESIDUAL = 0.1
"""Largest squared error of the prediction, as a share of all squared changes; 1 if one knows nothing of the other."""


def surprising(probe: Probe) -> tuple[Tensor, Tensor]:
    """Where steps of no scale do what the gradient predicts `[m]`, and where that could be tested `[m]`.

    Tested at points near the clean inputs, since pixels of equal value, such as a black background, tie in a pooling
    layer: there the gradient is that of one side. Where there is none, or one that explodes, nothing can be tested:
    those are signs of their own.
    """
    low, high = probe.examples.low, probe.examples.high
    points = _nearby(probe)
    before, gradient = probe.gradient(points)
    largest = gradient.flatten(1).abs().amax(dim=1)
    expected = torch.zeros_like(largest, dtype=torch.bool)
    for scale in SCALES:
        wrong, total = torch.zeros_like(before), torch.zeros_like(before)
        for direction in _directions(probe, gradient):
            # The step is what the box leaves of it, and so is the prediction.
            step = (points + scale * direction).clamp(low, high) - points
            predicted = (gradient * step).flatten(1).sum(dim=1)
            change = probe.asked(points + step) - before
            wrong += (change - predicted).square()
            total += change.square() + predicted.square()
        expected |= wrong <= MAX_RESIDUAL * total
    testable = (largest > 0) & (largest <= HUGE_GRAD)
    return testable & ~expected, testable


def _nearby(probe: Probe) -> Tensor:
    """Random points within half of the budget around the clean inputs, and inside the box."""
    clean = probe.examples.inputs
    offset = probe.spent(2 * probe.ctx.uniform(probe.examples.ids, clean.shape[1:], "nearby") - 1) / 2
    outside = (clean + offset < probe.examples.low) | (clean + offset > probe.examples.high)
    return torch.where(outside, clean - offset, clean + offset).clamp(probe.examples.low, probe.examples.high)


def _directions(probe: Probe, gradient: Tensor) -> list[Tensor]:
    """Steps that spend the budget, `[m, ...]` each: up the gradient, and random ones."""
    draws = [
        2.0 * (probe.ctx.uniform(probe.examples.ids, gradient.shape[1:], "local", draw) < 0.5) - 1
        for draw in range(DIRECTIONS)
    ]
    uphill = steepest(gradient, "l2" if probe.threat.norm == "l2" else "linf")
    return [probe.spent(direction) for direction in (uphill, *draws)]
