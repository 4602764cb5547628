"""Maps beside the known cause of an example."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from harness.api import Dataset, InvalidOutput
from harness.api.instruments import column_tensor
from harness_capacity.explaining.maps import by_position


def known_causes(column: Any, data: Dataset, inputs: Tensor) -> Tensor:
    """The positions that decide the class of each example, bool `[n, positions]`, from the data's column `cause`.

    Raises:
        InvalidOutput: the column has neither the shape of the inputs nor that of one channel, or marks nothing.
    """
    cause = column_tensor(column, "cause").to(inputs.device).bool()
    if inputs.ndim == 4 and cause.shape == inputs.shape[:1] + inputs.shape[2:]:
        cause = cause[:, None]
    allowed = (inputs.shape, (len(inputs), 1, *inputs.shape[2:])) if inputs.ndim == 4 else (inputs.shape,)
    if tuple(cause.shape) not in [tuple(shape) for shape in allowed]:
        raise InvalidOutput(f"`cause` has shape {list(cause.shape)}; it marks elements of inputs {list(inputs.shape)}")
    marked = by_position(cause.int()) > 0
    if not bool(marked.any(dim=1).all()):
        raise InvalidOutput(f"`cause` of example {data.ids[int((~marked.any(dim=1)).int().argmax())]!r} marks nothing")
    return marked


def pointed(important: Tensor, cause: Tensor) -> dict[str, Tensor]:
    """How maps `[m, positions]` point at causes `[m, positions]`, by the name of the record column, `[m]` each.

    `pointing` is 1 where the largest value lies in the cause (Zhang 2018, pointing game), a share of 1 where several
    are largest; `cause_mass` the share of the positive values inside (Arras 2022, relevance mass), 0 of none;
    `cause_share` the share of positions inside, which is what a random map gives on average.
    """
    largest = important == important.amax(dim=1, keepdim=True)
    positive = important.double().clamp_min(0)
    total = positive.sum(dim=1)
    mass = (positive * cause).sum(dim=1) / total.where(total > 0, 1.0)
    return {
        "pointing": (largest & cause).sum(dim=1) / largest.sum(dim=1),
        "cause_mass": mass,
        "cause_share": cause.double().mean(dim=1),
    }
