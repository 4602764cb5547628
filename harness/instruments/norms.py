"""Distances between an input and its perturbed version, computed by the core and not taken from the attack."""

from __future__ import annotations

import torch
from torch import Tensor

DISTANCES = ("linf", "l2", "l1", "l0")
_ELEMENTS_AT_ONCE = 1 << 23
"""Converted to float64, which takes twice the memory of the inputs."""


def distance(difference: Tensor, norm: str, *, exact: bool = True) -> Tensor:
    """Return the norm of each difference.

    Args:
        difference: `[n, ...]`.
        norm: linf, l2 and l1 over all elements of an example; l0 counts the positions of an image
            `[channels, height, width]` that changed in any channel, and elements otherwise.
        exact: sum in float64, since a float32 sum over a large image errs by more than the tolerance of a budget;
            otherwise in the precision of the inputs, which is faster and has a gradient at 0.

    Returns:
        `[n]`, in units of the inputs; for l0 a count.
    """
    rows = max(1, _ELEMENTS_AT_ONCE // max(1, difference[:1].numel()))
    if exact and len(difference) > rows:
        return torch.cat([_distance(part, norm, exact=True) for part in difference.split(rows)])
    return _distance(difference, norm, exact=exact)


def _distance(difference: Tensor, norm: str, *, exact: bool) -> Tensor:
    flat = (difference.double() if exact and difference.device.type != "mps" else difference).flatten(1)
    if norm == "linf":
        # Ten times as fast as the norm of infinite order on a CPU.
        return flat.abs().amax(dim=1)
    if norm == "l2":
        return flat.square().sum(dim=1).sqrt() if exact else flat.norm(2, dim=1)
    if norm == "l1":
        return flat.abs().sum(dim=1) if exact else flat.norm(1, dim=1)
    if norm == "l0":
        changed = difference != 0
        per_position = changed.any(dim=1) if difference.dim() == 4 else changed
        return per_position.flatten(1).sum(dim=1).to(flat.dtype)
    raise ValueError(f"unknown norm {norm!r}")
