"""Choosing among texts by their likelihood, independently of their order and of other questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.api import Context, LanguageModel
from harness_language.tasks.likelihood import Window, log_likelihoods

ROUND_OFF = 1e-6
"""Likelihoods that differ by no more than this share of their size are equal: float32 cannot tell them apart."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scored:
    """A text whose tokens from `first` on are scored, given those before."""

    tokens: tuple[int, ...]
    first: int


def total_log_likelihoods(model: LanguageModel, texts: Sequence[Scored], ctx: Context) -> list[float]:
    """The total log-likelihood in nats of the scored tokens of each text.

    Equal texts are scored once and all in an order of their own, so that not even round-off depends on the order they
    are given in. A text beyond the model's window is read in windows, each token with at least half a window before it.
    """
    order = sorted({(text.tokens, text.first) for text in texts})
    windows = [_windows(Scored(*key), model.window) for key in order]
    scores = iter(log_likelihoods(model, [window for parts in windows for window in parts], ctx))
    totals = {key: float(sum(next(scores).sum() for _ in parts)) for key, parts in zip(order, windows, strict=True)}
    return [totals[text.tokens, text.first] for text in texts]


def _windows(text: Scored, window: int | None) -> list[Window]:
    tokens, end = text.tokens, len(text.tokens)
    if window is None or end - 1 <= window:
        return [Window(tokens, text.first)]
    stride = max(1, window // 2)
    windows, start = [], text.first
    while start < end:
        stop = min(start + stride, end)
        before = max(0, stop - window - 1)
        windows.append(Window(tokens[before:stop], start - before))
        start = stop
    return windows


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
