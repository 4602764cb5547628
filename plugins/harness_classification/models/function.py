"""A classifier that is a Python function from arrays to scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import torch
from torch import Tensor

from harness.api import ImportPath, import_function
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
        HarnessError: there is no such function, or a suite may not name it.
    """
    return FunctionModel(import_function(function), outputs, function)
