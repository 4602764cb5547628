"""The L1 ball within the box: exact projection and sparse steps.

Croce & Hein 2021, "Mind the box" (arXiv:2103.01208).
"""

from __future__ import annotations

import torch
from torch import Tensor

_SLACK = 1e-7
"""Relative: how far inside the projection aims, since a difference of two points is rounded too when it is measured."""

_ELEMENTS_AT_ONCE = 1 << 20
"""Of the inputs: a projection takes thirty times their memory, and treats each by itself."""


def project_l1(candidate: Tensor, centre: Tensor, radius: float | Tensor, low: float, high: float) -> Tensor:
    """The nearest points, in L2, of the L1 ball around the centres and of the box at once.

    Section 2 of the paper: with w the absolute offsets and g the room to the box in their directions, the offset
    becomes clip(w - t, 0, g), where t >= 0 is the smallest number for which these sum to at most the radius. The sum is
    piecewise linear in t with bends at w and w - g, so that t is found exactly by sorting them.

    Args:
        candidate: `[n, ...]`.
        centre: the same shape, within the box.
        radius: the radius of the balls; one for all, or `[n]`.
        low, high: the box.
    """
    radii = _for_each(radius, candidate)
    rows = max(1, _ELEMENTS_AT_ONCE // max(1, candidate[:1].numel()))
    parts = zip(candidate.split(rows), centre.split(rows), radii.split(rows), strict=True)
    projected = [_projected(*part, low, high) for part in parts]
    return projected[0] if len(projected) == 1 else torch.cat(projected)


def _projected(candidate: Tensor, centre: Tensor, radius: Tensor, low: float, high: float) -> Tensor:
    start = centre.flatten(1).double()
    offset = candidate.flatten(1).double() - start
    wanted = offset.abs()
    room = torch.where(offset > 0, high - start, start - low).clamp_min(0)
    within = radius.double() * (1 - _SLACK)
    shortened = torch.minimum((wanted - _threshold(wanted, room, within)[:, None]).clamp_min(0), room)
    exact = start + offset.sign() * shortened
    rounded = exact.to(candidate.dtype)
    # Rounded towards the centre: over thousands of pixels half a bit each adds up to more than the budget.
    beyond = (rounded.double() - start).abs() > shortened
    rounded = torch.where(beyond, rounded.nextafter(centre.flatten(1)), rounded)
    return rounded.clamp(low, high).reshape(candidate.shape)


def _threshold(wanted: Tensor, room: Tensor, radius: Tensor) -> Tensor:
    """The smallest t >= 0 with sum(clip(wanted - t, 0, room)) <= radius, `[n]`."""
    bends, order = torch.cat([wanted - room, wanted], dim=1).sort(dim=1)
    falls = torch.ones_like(wanted)
    # Past `wanted - room` an entry of the sum falls with t, past `wanted` it is 0.
    slope = torch.cat([-falls, falls], dim=1).gather(1, order).cumsum(dim=1)
    total = room.sum(dim=1, keepdim=True)
    steps = slope[:, :-1] * bends.diff(dim=1)
    sums = total + torch.cat([torch.zeros_like(total), steps.cumsum(dim=1)], dim=1)
    # The sums fall, so the ball is left behind where they are counted as too large last.
    last = ((sums > radius[:, None]).sum(dim=1, keepdim=True) - 1).clamp_min(0)
    at, above, fall = (part.gather(1, last).squeeze(1) for part in (bends, sums, slope))
    crossing = at + (above - radius) / (-fall).clamp_min(1)
    return torch.where(sums[:, 0] > radius, crossing, torch.zeros_like(at)).clamp_min(0)


def _for_each(value: float | Tensor, like: Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else torch.full((len(like),), value, dtype=like.dtype, device=like.device)


def sparse_step(gradient: Tensor, point: Tensor, share: float | Tensor, low: float, high: float) -> Tensor:
    """Directions of L1 norm 1 along the signs of the largest entries of the gradient, `[n, ...]`; 0 where it is 0.

    Args:
        gradient: `[n, ...]`.
        point: where it was taken; pixels that would leave the box are passed over.
        share: the share of the entries that move; one for all, or `[n]`.
        low, high: the box.
    """
    flat = gradient.flatten(1)
    at = point.flatten(1)
    stuck = ((at >= high) & (flat > 0)) | ((at <= low) & (flat < 0))
    size = flat.abs().masked_fill(stuck, 0)
    entries = size.shape[1]
    count = (_for_each(share, flat) * entries).long().clamp(1, entries)
    least = size.sort(dim=1, descending=True).values.gather(1, count[:, None] - 1)
    signs = flat.sign() * ((size >= least) & (size > 0))
    length = signs.abs().sum(dim=1, keepdim=True).clamp_min(1)
    return (signs / length).reshape(gradient.shape)
