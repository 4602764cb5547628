"""The shortest way to a hyperplane that stays in a box, in the L-infinity and the L2 norm."""

from __future__ import annotations

import torch
from torch import Tensor

from harness_adversarial.machinery.norms import BallNorm


def step_to_hyperplane(
    point: Tensor, normal: Tensor, needed: Tensor, norm: BallNorm, low: float, high: float
) -> Tensor:
    """The smallest d with <normal, d> = needed and point + d within [low, high] (Croce & Hein 2020a, section 2.2).

    Every element moves in the direction that helps until it meets the box: by min(t, room) in L-infinity and by
    min(t * |normal|, room) in L2, where t is such that the gains add up to what is needed; they grow piecewise
    linearly in t, so t is found by sorting the places where elements meet the box.

    Args:
        point: `[n, dimension]`, within the box.
        normal: `[n, dimension]`.
        needed: `[n]`. If no point of the box gains as much, the one that gains most is aimed at.
        norm: what is smallest.
        low, high: the box.
    """
    scale = normal.abs().amax(dim=1).clamp_min(torch.finfo(normal.dtype).tiny)
    normal, needed = normal / scale[:, None], needed / scale
    direction = (normal * needed[:, None].sign()).sign()
    weight, goal = normal.abs(), needed.abs()
    room = torch.where(direction > 0, high - point, point - low)
    if norm == "linf":
        limit, gain = room, weight
    else:
        limit, gain = torch.where(weight > 0, room / weight.clamp_min(1e-30), torch.zeros_like(room)), weight.square()
    t = _where_gains_suffice(limit, gain, goal)
    length = torch.minimum(t[:, None], limit)
    return direction * (length if norm == "linf" else weight * length)


def _where_gains_suffice(limit: Tensor, gain: Tensor, goal: Tensor) -> Tensor:
    """The t `[n]` at which the sum over elements of gain * min(t, limit) is the goal; the largest limit if it never is.

    Args:
        limit, gain: `[n, dimension]`, not negative.
        goal: `[n]`.
    """
    limit, order = limit.sort(dim=1)
    gain = gain.gather(1, order)
    used = (gain * limit).cumsum(dim=1)
    # Of those that have not met the box when the j-th element does, itself included.
    free = gain.flip(1).cumsum(dim=1).flip(1)
    before = used - gain * limit
    reached = before + limit * free
    enough = reached >= goal[:, None]
    place = enough.to(torch.uint8).argmax(dim=1, keepdim=True)
    t = (goal - before.gather(1, place).squeeze(1)) / free.gather(1, place).squeeze(1).clamp_min(1e-30)
    return torch.where(enough.any(dim=1), t.clamp_min(0), limit[:, -1])
