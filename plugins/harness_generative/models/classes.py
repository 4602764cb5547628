"""Classes as conditions: checked and encoded, and added to a network's input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from harness.api import NotApplicable


def encode_classes(conditions: Sequence[Any], classes: int, *, may_be_none: bool = False) -> Tensor:
    """Class indices as an int64 tensor `[n]`.

    Args:
        conditions: whole numbers from 0 to `classes` - 1.
        classes: the number of classes.
        may_be_none: None is allowed too, asks for no class and becomes the index `classes`.

    Raises:
        NotApplicable: something else is asked for.
    """
    indices = [classes if may_be_none and condition is None else condition for condition in conditions]
    for asked, index in zip(conditions, indices, strict=True):
        if not _is_whole(index) or (asked is not None and not 0 <= index < classes):
            raise NotApplicable(f"the model takes classes from 0 to {classes - 1} as conditions, not {asked!r}")
    return torch.tensor([int(index) for index in indices], dtype=torch.int64)


def with_classes(values: Tensor, conditions: Tensor | None, classes: int | None) -> Tensor:
    """`[n, d]` with the classes `[n]` beside it as `[n, d + classes]`; unchanged for a model without classes.

    Raises:
        NotApplicable: the model needs classes and is asked for none.
    """
    if classes is None:
        return values
    return torch.cat([values, one_hot(needed(conditions), classes).to(values.dtype)], dim=1)


def needed(conditions: Tensor | None) -> Tensor:
    """The conditions of a model that requires them. Raises NotApplicable if there are none."""
    if conditions is None:
        raise NotApplicable("the model was trained with classes and can only be asked for one")
    return conditions


def _is_whole(value: object) -> bool:
    # numpy's integers have __index__ too; True and False are no classes.
    return hasattr(value, "__index__") and not isinstance(value, bool)
