"""The points that a model of a function is fitted to, checked, and their range."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from harness.api import Context, Dataset, NotApplicable
from harness.api.instruments import column_tensor


def training_points(data: Dataset, dimensions: int, model: str, ctx: Context) -> tuple[Tensor, Tensor]:
    """Inputs `[n, dimensions]` and targets `[n]`, float64.

    Raises:
        NotApplicable: the data have another number of inputs.
    """
    columns = data.take(range(len(data.ids)))
    inputs = column_tensor(columns["inputs"], "inputs").double().to(ctx.device)
    targets = column_tensor(columns["targets"], "targets").double().to(ctx.device)
    if inputs.shape[1:] != (dimensions,):
        raise NotApplicable(
            f"{model} has `dimensions: {dimensions}`; the inputs of the data have shape {list(inputs.shape[1:])}"
        )
    return inputs, targets


@dataclass(frozen=True)
class Scaling:
    """The smallest box that holds the inputs: its lower corner and its widths, `[dimensions]`, none of them 0."""

    low: Tensor
    width: Tensor

    @classmethod
    def of(cls, inputs: Tensor) -> Scaling:
        """The box of inputs `[n, dimensions]`."""
        low = inputs.amin(dim=0)
        return cls(low, (inputs.amax(dim=0) - low).clamp(min=1e-12))
