"""Temperature scaling: one number that makes all predictions of a classifier more or less confident."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.api import Classifier, ComponentOf, Context, Dataset, HarnessError
from harness_uncertainty.methods.wrapping import Wrapper, labels_of, outputs_on, split_of

_LOWEST, _HIGHEST = 1e-3, 1e3


class TemperatureScaled(Wrapper):
    """A classifier whose logits are divided by a temperature, fitted by likelihood on held-out data (Guo et al. 2017).

    No prediction changes: where rounding would make a tie of the largest logit, it stays the largest.

    Args:
        model: the classifier.
        split: the part of its training data that the temperature is fitted on; no model may have seen it.
    """

    temperature: Tensor

    def __init__(self, model: Annotated[Classifier, ComponentOf("model")], split: str = "validation") -> None:
        super().__init__(model)
        self.split = split
        self.register_buffer("temperature", torch.ones(()))

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit the temperature. Raises HarnessError if no temperature is the best."""
        self.model.eval() if isinstance(self.model, torch.nn.Module) else None
        held_out = split_of(data, self.split)
        logits = outputs_on(self.inner, held_out, ctx)
        self.temperature.fill_(best_temperature(logits.numpy(), labels_of(held_out).numpy()))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]`."""
        logits = self.inner(inputs)
        scaled: Tensor = logits / self.temperature
        top = logits.argmax(dim=1, keepdim=True)
        if bool((scaled.argmax(dim=1, keepdim=True) == top).all()):
            return scaled
        with torch.no_grad():
            largest = scaled.amax(dim=1, keepdim=True)
            above = torch.nextafter(largest, torch.full_like(largest, torch.inf)) - scaled.gather(1, top)
            lost = scaled.argmax(dim=1, keepdim=True) != top
            raised = torch.zeros_like(scaled).scatter(1, top, torch.where(lost, above, torch.zeros_like(above)))
        return scaled + raised


def best_temperature(logits: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> float:
    """The temperature with the largest likelihood. The likelihood is concave in its inverse, so there is only one.

    Args:
        logits: `[n, classes]`.
        labels: `[n]`.

    Raises:
        HarnessError: the likelihood grows without end, since all predictions are right, or none is better than chance.
    """
    from scipy.optimize import brentq

    own = logits[np.arange(len(labels)), labels]

    def slope(inverse: float) -> Any:
        powers = np.exp(inverse * (logits - logits.max(axis=1, keepdims=True)))
        return float(((powers * logits).sum(axis=1) / powers.sum(axis=1) - own).mean())

    if slope(1 / _LOWEST) <= 0:
        raise HarnessError(
            f"all {len(labels)} predictions on the split are right: the likelihood grows with ever lower temperature; "
            "fit it on more or harder examples"
        )
    if slope(1 / _HIGHEST) >= 0:
        raise HarnessError("on the split the model is no better than chance: no temperature makes it sure of anything")
    return 1 / float(brentq(slope, 1 / _HIGHEST, 1 / _LOWEST, xtol=1e-12, rtol=1e-12))
