"""How much of a text was changed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def edit_distance(a: str, b: str) -> int:
    """The Levenshtein distance: how many characters to insert, delete or replace to make b of a.

    The dynamic programme of Wagner & Fischer 1974, a row of the table at once: with insertions into b's prefix a row
    is a running minimum of what it holds without them.
    """
    one, other = (np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32) for text in (a, b))
    # What both begin or end with needs no table.
    same = int(_common(one, other))
    one, other = one[same:], other[same:]
    same = int(_common(one[::-1], other[::-1]))
    one, other = one[: len(one) - same], other[: len(other) - same]
    if len(one) > len(other):
        one, other = other, one
    places = np.arange(len(other) + 1)
    row = places.copy()
    for i, character in enumerate(one, start=1):
        above = row
        row = np.minimum(above + 1, i)
        row[1:] = np.minimum(above[1:] + 1, above[:-1] + (other != character))
        row[0] = i
        row = np.minimum.accumulate(row - places) + places
    return int(row[-1])


def edited_share(a: str, b: str) -> float:
    """The edit distance as a share of the longer text."""
    longest = max(len(a), len(b))
    return edit_distance(a, b) / longest if longest else 0.0


def _common(one: npt.NDArray[np.uint32], other: npt.NDArray[np.uint32]) -> int:
    shortest = min(len(one), len(other))
    differing = np.flatnonzero(one[:shortest] != other[:shortest])
    return int(differing[0]) if len(differing) else shortest
