"""Deletion and insertion: the probability of a class while the most important positions are taken away or put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from harness.api import NotApplicable
from harness_capacity.explaining.maps import on_inputs, positions

Baseline = Literal["zero", "mean", "blur"]
Logits = Callable[[Tensor], Tensor]
BLUR = 1 / 8
"""Standard deviation of the blur, in units of the shorter side of an image."""


def baseline_inputs(baseline: Baseline, inputs: Tensor, mean: Tensor) -> Tensor:
    """What stands in the place of removed positions, of the shape of the inputs `[m, ...]`.

    Args:
        baseline: `zero`; `mean`, that of all examples at each position; `blur`, the image itself, blurred.
        inputs: `[m, ...]`.
        mean: `[...]`, the mean of all examples.

    Raises:
        NotApplicable: inputs that are no images cannot be blurred.
    """
    if baseline == "zero":
        return torch.zeros_like(inputs)
    if baseline == "mean":
        return mean.expand_as(inputs)
    if inputs.ndim != 4:
        raise NotApplicable("the baseline `blur` needs images [n, C, H, W]; give the task `baselines: [zero, mean]`")
    deviation = BLUR * min(inputs.shape[2:])
    down, across = (_blur_matrix(size, deviation, inputs.device) for size in inputs.shape[2:])
    return torch.einsum("yh,nchw,xw->ncyx", down, inputs, across)


def removal_areas(
    logits: Logits, inputs: Tensor, baseline: Tensor, targets: Tensor, places: Tensor, steps: int
) -> tuple[Tensor, Tensor]:
    """The areas below the curves of deletion and insertion (Petsiuk 2018, section 3.2), `[m]` each, from 0 to 1.

    Deletion replaces positions by the baseline in the order of their places, insertion starts at the baseline and puts
    them back in the same order. The curve is the probability of the target over the share of positions, by trapezoids.

    Args:
        logits: of inputs `[m, ...]`, `[m, classes]`.
        inputs, baseline: `[m, ...]`.
        targets: `[m]`.
        places: `[m, positions]`, 0 for the position that goes first.
        steps: number of equal shares.
    """

    def probability(points: Tensor) -> Tensor:
        return logits(points).double().softmax(dim=1).gather(1, targets[:, None])[:, 0]

    count = positions(inputs)
    places = on_inputs(places, inputs)
    whole, nothing = probability(inputs), probability(baseline)
    deletion = insertion = (whole + nothing) / 2
    for step in range(1, steps):
        removed = places < round(step * count / steps)
        deletion = deletion + probability(torch.where(removed, baseline, inputs))
        insertion = insertion + probability(torch.where(removed, inputs, baseline))
    return deletion / steps, insertion / steps


def _blur_matrix(size: int, deviation: float, device: torch.device) -> Tensor:
    """The weights `[size, size]` of a Gaussian blur along one side, which add up to 1 at the border too."""
    at = torch.arange(size, device=device, dtype=torch.float32)
    weights = torch.exp(-0.5 * ((at[:, None] - at) / deviation).square())
    return weights / weights.sum(dim=1, keepdim=True)
