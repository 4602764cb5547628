"""Broadcasting of one value per example over the elements of the example."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def per_example(values: Tensor, inputs: Tensor) -> Tensor:
    """Return values `[n]` as `[n, 1, ...]`, so that they multiply or mask inputs `[n, ...]` example by example."""
    return values.reshape(-1, *[1] * (inputs.dim() - 1))
