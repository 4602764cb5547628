"""The edit distance, which measures how much of a text was changed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_FIRST_BAND = 32


def edit_distance(a: str, b: str) -> int:
    """The Levenshtein distance: how many characters to insert, delete or replace to make b of a.

    The dynamic programme of Wagner & Fischer 1974, a row of the table at once, in a band around the diagonal that is
    doubled until it is sure to hold the best way (Ukkonen 1985): noise changes little of a long text.
    """
    one, other = (np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32) for text in (a, b))
    # What both begin or end with needs no table.
    same = int(_common(one, other))
    one, other = one[same:], other[same:]
    same = int(_common(one[::-1], other[::-1]))
    one, other = one[: len(one) - same], other[: len(other) - same]
    if len(one) > len(other):
        one, other = other, one
    longer, beside = len(other) - len(one), max(_FIRST_BAND, len(one) // 16)
    # A way that leaves the band and comes back costs more than its width.
    while (distance := _within_band(one, other, beside)) > longer + 2 * beside and beside < len(one):
        beside *= 2
    return distance


def _within_band(one: npt.NDArray[np.uint32], other: npt.NDArray[np.uint32], beside: int) -> int:
    """The distance along paths within `beside` of the diagonals through both ends; `one` is not the longer."""
    n, m = len(one), len(other)
    far = n + m + 1
    places = np.arange(m + 1)
    before = np.concatenate([np.zeros(1, np.uint32), other])
    # With one place more on the left, which no way goes through.
    row = np.full(m + 2, far)
    row[1 : min(m, m - n + beside) + 2] = places[: min(m, m - n + beside) + 1]
    for i, character in enumerate(one, start=1):
        low, high = max(0, i - beside), min(m, i + m - n + beside) + 1
        best = np.minimum(row[low + 1 : high + 1] + 1, row[low:high] + (before[low:high] != character))
        # With insertions into the other's prefix a row is a running minimum of what it holds without them.
        row[low + 1 : high + 1] = np.minimum.accumulate(best - places[low:high]) + places[low:high]
        row[low] = far
    return int(row[m + 1])


def edited_share(a: str, b: str) -> float:
    """The edit distance as a share of the longer text."""
    longest = max(len(a), len(b))
    return edit_distance(a, b) / longest if longest else 0.0


def _common(one: npt.NDArray[np.uint32], other: npt.NDArray[np.uint32]) -> int:
    shortest = min(len(one), len(other))
    differing = np.flatnonzero(one[:shortest] != other[:shortest])
    return int(differing[0]) if len(differing) else shortest
