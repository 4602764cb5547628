"""Whether a model writes into its inputs, which are the examples themselves: told without a copy of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from harness.contract.errors import InvalidOutput
from harness.instruments.checksums import checksum


class UnchangedInputs:
    """Calls a model and checks that its inputs are as before.

    Torch counts the changes of a tensor, and to compare two counts costs nothing. What it does not count, changes
    through `.data` or of inputs made in inference mode, is looked for by a checksum, in the first pass of each kind,
    the second, the fourth and so on.
    """

    def __init__(self) -> None:
        self._passes: dict[tuple[bool, bool], int] = {}

    def call(self, model: Any, inputs: Tensor) -> Any:
        """The outputs of a model for inputs `[m, ...]`.

        Raises:
            InvalidOutput: it has changed its inputs.
        """
        version = None if inputs.is_inference() else inputs._version
        content = checksum(inputs) if self._is_looked_at(inputs) else None
        outputs = model(inputs)
        if (version is not None and inputs._version != version) or (
            content is not None and checksum(inputs) != content
        ):
            raise InvalidOutput(
                f"the model ({type(model).__name__}) writes into its inputs, so later passes have other examples; "
                "let it copy what it changes, as x.clamp(0, 1) does in the place of x.clamp_(0, 1)"
            )
        return outputs

    def _is_looked_at(self, inputs: Tensor) -> bool:
        kind = torch.is_grad_enabled() and inputs.requires_grad, inputs.is_inference()
        number = self._passes[kind] = self._passes.get(kind, 0) + 1
        return number & (number - 1) == 0
