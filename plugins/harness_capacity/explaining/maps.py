"""Maps of attribution methods: checked, and read as one importance for each position."""

from __future__ import annotations

from typing import Any, get_args

import torch
from torch import Tensor

from harness.api import Attribution, ExplainedInputs, InvalidOutput, Quantity


def check_quantity(method: Attribution) -> None:
    """Raise InvalidOutput if a method does not say what the numbers of its maps are."""
    quantity = getattr(method, "quantity", None)
    if quantity not in get_args(Quantity):
        names = ", ".join(get_args(Quantity))
        raise InvalidOutput(
            f"the quantity of attribution {type(method).__name__} is {quantity!r}; it is one of {names}"
        )


def checked_map(returned: Any, batch: ExplainedInputs, method: Attribution) -> Tensor:
    """What a method returned, as a tensor without gradient.

    Raises:
        InvalidOutput: it is no tensor, of another shape than the inputs (or, for images, one channel), or not finite.
    """
    name = type(method).__name__
    if not isinstance(returned, Tensor):
        raise InvalidOutput(f"attribution {name} returned a {type(returned).__name__}, not a tensor")
    whole, one_channel = list(batch.inputs.shape), [len(batch), 1, *batch.inputs.shape[2:]]
    allowed = [whole, one_channel] if batch.inputs.ndim == 4 and method.quantity != "gradient" else [whole]
    if list(returned.shape) not in allowed:
        expected = " or ".join(map(str, allowed))
        raise InvalidOutput(f"attribution {name} returned shape {list(returned.shape)}, expected {expected}")
    finite = returned.flatten(1).isfinite().all(dim=1)
    if not bool(finite.all()):
        first = batch.ids[int((~finite).int().argmax())]
        raise InvalidOutput(f"{int((~finite).sum())} maps of attribution {name} are not finite, first for {first!r}")
    return returned.detach().to(batch.inputs)


def positions(inputs: Tensor) -> int:
    """How many positions an input has: the pixels of an image `[m, C, H, W]`, else its elements."""
    return int(inputs.shape[2:].numel() if inputs.ndim == 4 else inputs.shape[1:].numel())


def by_position(values: Tensor) -> Tensor:
    """Values `[m, ...]`, those of an image summed over its channels, as `[m, positions]`."""
    return values.sum(dim=1).flatten(1) if values.ndim == 4 else values.flatten(1)


def importance(maps: Tensor, method: Attribution) -> Tensor:
    """How important each position is, `[m, positions]`: of a gradient its size, summed over channels."""
    return by_position(maps.abs() if method.quantity == "gradient" else maps)


def parts_of_logit(maps: Tensor, method: Attribution, inputs: Tensor) -> Tensor:
    """What each position is said to add to the logit, `[m, positions]`; of a relevance only up to a factor."""
    return by_position(maps * inputs if method.quantity == "gradient" else maps)


def on_inputs(of_positions: Tensor, inputs: Tensor) -> Tensor:
    """Values of positions `[m, positions]` in a shape that multiplies or masks inputs `[m, ...]`."""
    if inputs.ndim == 4:
        return of_positions.reshape(len(inputs), 1, *inputs.shape[2:])
    return of_positions.reshape(inputs.shape)


def ranks(values: Tensor, ties: Tensor) -> Tensor:
    """The place of each position `[m, positions]`, 0 for the largest value; equal values are ordered by `ties`."""
    shuffled = ties.argsort(dim=1)
    order = shuffled.gather(1, values.gather(1, shuffled).argsort(dim=1, descending=True, stable=True))
    places = torch.arange(values.shape[1], device=values.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places)
