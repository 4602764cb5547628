"""Models whose classes have names, matched with the classes of the data by name, not by position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from harness.api import Classifier, InvalidOutput, NamedClasses

_SHOWN = 4


class Reordered(nn.Module):
    """A classifier with its outputs in another order."""

    def __init__(self, model: Classifier, order: Sequence[int]) -> None:
        super().__init__()
        self.model: Any = model
        self._order = list(order)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]` in the order of the data."""
        logits: Tensor = self.model(inputs)
        return logits[:, self._order]


def in_order_of(classes: Sequence[str], model: Classifier) -> Classifier:
    """The model with its outputs in the order of these classes; itself where its classes have no names.

    Raises:
        InvalidOutput: the names of its classes are not these.
    """
    names = list(model.class_names or ()) if isinstance(model, NamedClasses) else []
    wanted = list(map(str, classes))
    if not names or names == wanted:
        return model
    if sorted(names) != sorted(wanted):
        raise InvalidOutput(
            f"the model has {len(names)} classes ({_some(names)}), the data have {len(wanted)} ({_some(wanted)}): "
            "give both the same names, or choose among those of the model with its `classes:`"
        )
    return Reordered(model, [names.index(name) for name in wanted])


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
