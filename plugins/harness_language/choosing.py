"""Choosing the likeliest of several texts, with ties, from their log-likelihoods alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ROUND_OFF = 1e-6
"""Likelihoods that differ by no more than this share of their size are equal: float32 cannot tell them apart."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choice:
    """The most likely text among several.

    Attributes:
        best: the positions of the likeliest, more than one if they tie.
        probabilities: the softmax over the total log-likelihoods.
    """

    best: tuple[int, ...]
    probabilities: Array

    def credit(self, right: int) -> float:
        """1 if the right one is the most likely, 1/k if it is among k that tie, else 0."""
        return 1 / len(self.best) if right in self.best else 0.0


def choose(log_likelihoods: Sequence[float]) -> Choice:
    """The most likely of texts with these total log-likelihoods, all finite or minus infinity for some."""
    values = np.asarray(log_likelihoods, dtype=np.float64)
    top = float(values.max())
    tied = values >= top - ROUND_OFF * max(1.0, abs(top)) if np.isfinite(top) else values == top
    weights = np.exp(values - top) if np.isfinite(top) else tied.astype(np.float64)
    return Choice(tuple(int(i) for i in np.flatnonzero(tied)), weights / weights.sum())
