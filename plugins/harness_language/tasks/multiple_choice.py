"""The total log-likelihoods of texts to choose among, independently of their order and of other questions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.api import Context, LanguageModel
from harness_language.tasks.likelihood import Array, Window, log_likelihoods


@dataclass(frozen=True, slots=True)
class Scored:
    """A text whose tokens from `first` on are scored, given those before."""

    tokens: tuple[int, ...]
    first: int


def total_log_likelihoods(model: LanguageModel, texts: Sequence[Scored], ctx: Context) -> list[float]:
    """The total log-likelihood in nats of the scored tokens of each text.

    What a text begins with is read once for all texts that begin with it: choices of one token each cost one reading of
    their prompt. Texts are read in an order of their own, so that not even round-off depends on the order they are
    given in. A text beyond the model's window is read in windows, each token with at least half a window before it.
    """
    parts = [_windows(text, model.window) for text in texts]
    scores = iter(_read_once(model, [window for own in parts for window in own], ctx))
    return [float(sum(next(scores).sum() for _ in own)) for own in parts]


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


def _read_once(model: LanguageModel, windows: Sequence[Window], ctx: Context) -> list[Array]:
    """As `log_likelihoods`, but what one window reads and another begins with is not read for both."""
    families = list(_families(windows))
    readings = [_Reading.of([windows[i] for i in members]) for members in families]
    values: list[Array] = [np.empty(0)] * len(windows)
    scores = log_likelihoods(model, [reading.window for reading in readings], ctx)
    for members, reading, scored in zip(families, readings, scores, strict=True):
        for i in members:
            values[i] = scored[reading.places(windows[i])]
    return values


def _families(windows: Sequence[Window]) -> Iterator[list[int]]:
    """Rows of windows of which the first reads what all of them read, and more."""
    read = [tuple(window.tokens[:-1]) for window in windows]
    family: list[int] = []
    # What begins another text stands right before all that it begins, so backwards the longest comes first.
    for i in sorted(range(len(windows)), key=lambda row: (read[row], windows[row].tokens, windows[row].first))[::-1]:
        if family and read[family[0]][: len(read[i])] != read[i]:
            yield family
            family = []
        family.append(i)
    if family:
        yield family


@dataclass(frozen=True, slots=True)
class _Reading:
    """A window with the further tokens that others of its family score after what it reads.

    Attributes:
        window: what is read.
        place: from the position and the number of a token to where its score stands.
    """

    window: Window
    place: Mapping[tuple[int, int], int]

    @classmethod
    def of(cls, family: Sequence[Window]) -> _Reading:
        """The reading of a family, whose first reads most."""
        longest = family[0]
        place = {pair: row for row, pair in enumerate(longest.pairs())}
        for window in family[1:]:
            for pair in window.pairs():
                place.setdefault(pair, len(place))
        also = tuple(pair for pair, row in place.items() if row >= len(longest.tokens) - longest.first)
        return cls(Window(longest.tokens, longest.first, also), place)

    def places(self, window: Window) -> npt.NDArray[np.intp]:
        """Where the scores of a window of the family stand."""
        return np.array([self.place[pair] for pair in window.pairs()], dtype=np.intp)
