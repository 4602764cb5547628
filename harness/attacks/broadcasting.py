"""One value per example, shaped to combine with the examples."""

from __future__ import annotations

from torch import Tensor


def per_example(values: Tensor, inputs: Tensor) -> Tensor:
    """Values `[n]` as a view of shape `[n, 1, ...]` that broadcasts over inputs `[n, ...]`."""
    return values.reshape(-1, *([1] * (inputs.dim() - 1)))
