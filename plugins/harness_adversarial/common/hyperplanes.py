"""The shortest way to a hyperplane that stays in a box, in the L-infinity and the L2 norm."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.api.attacks import BallNorm

_MAX_ROUNDS = 32
"""Newton steps at most; 16 were the most seen, at targets that nearly all of the box is needed for."""


def step_to_hyperplane(
    point: Tensor, normal: Tensor, needed: Tensor, norm: BallNorm, low: float, high: float
) -> Tensor:
    """The smallest d with <normal, d> = needed and point + d within [low, high] (Croce & Hein 2020a, section 2.2).

    Every element moves in the direction that helps until it meets the box: by t in L-infinity and by t * |normal| in
    L2. What is gained grows with t, piecewise linearly and ever less steeply as elements meet the box, so Newton's
    method from below never goes too far, and ends where no more elements have met the box. The paper sorts the places
    where they do; in many dimensions that takes longer than a pass of a small network.

    Args:
        point: `[..., n, dimension]`, within the box.
        normal: `[n, dimension]`.
        needed: `[..., n]`. If no point of the box gains as much, the one that gains most is aimed at.
        norm: the norm that is minimised.
        low, high: the box.
    """
    scale = normal.abs().amax(dim=-1).clamp_min(torch.finfo(normal.dtype).tiny)
    normal, needed = normal / scale[:, None], needed / scale
    # Elements go along their direction by t, which is negative where less than nothing is needed.
    direction, slopes = (normal.sign(), normal.abs()) if norm == "linf" else (normal, normal.square())
    slope = slopes.sum(dim=-1).expand_as(needed)
    t = torch.where(slope > 0, needed / slope, 0)
    least, most = low - point, high - point
    for _ in range(_MAX_ROUNDS):
        unbounded = t[..., None] * direction
        step = unbounded.clamp(least, most)
        before, slope = slope, torch.where(step == unbounded, slopes, 0).sum(dim=-1)
        # On a GPU asking would wait for it, and rounds that change nothing are cheap.
        if slope.device.type == "cpu" and torch.equal(slope, before):
            break
        goes_on = (slope < before) & (slope > 0)
        t = torch.where(goes_on, t + (needed - (normal * step).sum(dim=-1)) / slope, t)
    return step
