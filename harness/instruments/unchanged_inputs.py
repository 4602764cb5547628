"""Whether a model writes into its inputs, which are the examples themselves: told without a copy of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from harness.contract.errors import InvalidOutput
from harness.instruments.checksums import sums_of_bytes


class UnchangedInputs:
    """Calls a model and checks that its inputs are as before.

    Torch counts the changes of a tensor, and to compare two counts costs nothing. What it does not count, changes
    through `.data` or of inputs made in inference mode, is looked for by a sum of their bytes, in the first pass of
    each kind, the second, the fourth and so on.
    """

    def __init__(self) -> None:
        self._passes: dict[tuple[bool, bool], int] = {}
        self._pending: tuple[object, Tensor] | None = None

    def call(self, model: Any, inputs: Tensor) -> Any:
        """The outputs of a model for inputs `[m, ...]`; what only `check` sees does not wait for the device.

        Raises:
            InvalidOutput: it has changed its inputs, as far as torch counts that.
        """
        version = None if inputs.is_inference() else inputs._version
        before = _sums(inputs) if self._is_looked_at(inputs) else None
        outputs = model(inputs)
        if version is not None and inputs._version != version:
            raise InvalidOutput(_message(model))
        if before is not None:
            changed = (_sums(inputs) != before).any()
            self._pending = model, changed if self._pending is None else self._pending[1] | changed
        return outputs

    def check(self) -> None:
        """Raise InvalidOutput if a model has changed its inputs in a pass that was looked at."""
        pending, self._pending = self._pending, None
        if pending is not None and bool(pending[1]):
            raise InvalidOutput(_message(pending[0]))

    def _is_looked_at(self, inputs: Tensor) -> bool:
        kind = torch.is_grad_enabled() and inputs.requires_grad, inputs.is_inference()
        number = self._passes[kind] = self._passes.get(kind, 0) + 1
        return number & (number - 1) == 0


def _sums(inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return sums_of_bytes(inputs.detach().contiguous().reshape(-1).view(torch.uint8))


def _message(model: object) -> str:
    return (
        f"the model ({type(model).__name__}) writes into its inputs, so later passes have other examples; let it copy "
        "what it changes, as x.clamp(0, 1) does in the place of x.clamp_(0, 1)"
    )
