"""Distances between an input and its perturbed version, computed by the core and not taken from the attack."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

DISTANCES = ("linf", "l2", "l1", "l0")


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
