"""A classifier that is a Python function from arrays to scores."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Annotated, Any

import torch
from torch import Tensor

from harness.api import HarnessError, ImportPath
from harness_classification.models.scores import Outputs, as_logits


class FunctionModel:
    """A function as a classifier that only gives scores.

    Args:
        function: from inputs `[n, ...]`, NumPy float32, to scores `[n, classes]`.
        outputs: what the scores are.
        name: of the function, for messages.
    """

    def __init__(self, function: Callable[[Any], Any], outputs: Outputs, name: str) -> None:
        self._function, self._outputs, self._name = function, outputs, name

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]` of inputs `[n, ...]`."""
        # A copy, so that a function that writes into its argument changes no data.
        return as_logits(self._function(inputs.detach().cpu().numpy().copy()), self._outputs, inputs, self._name)


def function_model(function: Annotated[str, ImportPath()], outputs: Outputs = "logits") -> FunctionModel:
    """Your own function from arrays to scores, as a classifier; attacks that need no gradients apply.

    It is given inputs `[n, ...]` as NumPy float32, in the units of the data, and returns scores `[n, classes]`. It must
    answer for each input by itself, whatever else is in the batch.

    Args:
        function: "package.module:function".
        outputs: whether the scores are logits or probabilities.

    Raises:
        HarnessError: there is no such function.
    """
    module, _, attribute = function.rpartition(":")
    if not module:
        raise HarnessError(f'the function {function!r} must be written as "package.module:function"')
    try:
        found = getattr(importlib.import_module(module), attribute)  # keyed: as an import path
    except (ImportError, AttributeError) as error:
        raise HarnessError(f"the function {function!r} cannot be used: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise HarnessError(f"{function!r} is a {type(found).__name__}, not a function")
    return FunctionModel(found, outputs, function)
