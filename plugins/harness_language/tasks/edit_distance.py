"""The edit distance, which measures how much of a text was changed, in time linear in its length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from harness.api import Edited, InvalidOutput

Characters = npt.NDArray[np.uint32]

_FIRST_BAND = 32
_WHOLE = 4096
"""Texts of up to so many characters are compared whole."""
_PIECE = 2048
_ANCHOR = 16
"""So many equal characters join two pieces."""
_ANCHORS = 5
"""So many are looked for, since one may be there by chance."""
_SHIFT = 1024
"""How far from where it is expected an anchor is looked for."""


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


def _within_band(one: Characters, other: Characters, beside: int) -> int:
    """The distance along paths within `beside` of the diagonals through both ends; `one` is not the longer."""
    return int(_last_row(one, other, beside)[-1])


def _last_row(one: Characters, other: Characters, beside: int) -> npt.NDArray[np.int64]:
    """The distances of `one` to each beginning of `other`, `[len(other) + 2]`; the first and others are large."""
    n, m = len(one), len(other)
    far = n + m + 1
    places = np.arange(m + 1)
    before = np.concatenate([np.zeros(1, np.uint32), other])
    # With one place more on the left, which no way goes through.
    row = np.full(m + 2, far)
    row[1 : min(m, m - n + beside) + 2] = places[: min(m, m - n + beside) + 1]
    low = 0
    for i, character in enumerate(one, start=1):
        low, high = max(0, i - beside), min(m, i + m - n + beside) + 1
        best = np.minimum(row[low + 1 : high + 1] + 1, row[low:high] + (before[low:high] != character))
        # With insertions into the other's prefix a row is a running minimum of what it holds without them.
        row[low + 1 : high + 1] = np.minimum.accumulate(best - places[low:high]) + places[low:high]
        row[low] = far
    row[:low] = far
    return row


def edited_share(a: str, b: str) -> float:
    """The edits that make b of a, as a share of the longer text. Raises InvalidOutput if b's count of them is wrong."""
    longest = max(len(a), len(b))
    return edits_between(a, b) / longest if longest else 0.0


def edits_between(a: str, b: str) -> int:
    """How many characters were inserted, deleted or replaced to make b of a.

    Of long texts this is what the maker counted, if it did (`Edited`), checked on a window at each end; else they are
    compared piece by piece between places that both have in common, which may take a few edits more than the fewest.

    Raises:
        InvalidOutput: fewer edits were counted than it takes.
    """
    if max(len(a), len(b)) <= _WHOLE:
        return edit_distance(a, b)
    if isinstance(b, Edited):
        _check_count(a, b)
        return b.edits
    return sum(_distance_of_ends(*pair) for pair in _pieces(a, b))


def _check_count(a: str, b: Edited) -> None:
    """Refuse a count below what the difference in length takes, or the first and the last part of the text."""
    one, other = (np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32) for text in (a, b))
    size = min(len(a) // 2, _PIECE)
    ends = (one[:size], other[: size + _SHIFT]), (one[::-1][:size], other[::-1][: size + _SHIFT])
    least = max(abs(len(a) - len(b)), sum(_least_within(*pair) for pair in ends))
    if b.edits < least or (b.edits == 0) != (a == b):
        raise InvalidOutput(
            f"a rewritten text of {len(b)} characters says that {b.edits} edits were made, and at least {least} were"
        )


def _least_within(one: Characters, other: Characters) -> int:
    """The fewest edits that make any beginning of `other` of `one`, if no more than `_SHIFT` move its end."""
    row = _last_row(one, other, _SHIFT)
    return min(int(row[1:].min()), len(one))


def _pieces(a: str, b: str) -> Iterator[tuple[str, str]]:
    """Both texts in pieces, cut where some characters are equal and stand about where they are expected."""
    i = j = 0
    while len(a) - i > _WHOLE and len(b) - j > _WHOLE:
        cut, other = _anchor(a, b, i, j)
        yield a[i:cut], b[j:other]
        i, j = cut, other
    yield a[i:], b[j:]


def _anchor(a: str, b: str, i: int, j: int) -> tuple[int, int]:
    """Where to cut next, after the places i of a and j of b: of some common places the one of the median shift."""
    common: list[tuple[int, int]] = []
    at = i + _PIECE
    while len(common) < _ANCHORS and at < i + 2 * _PIECE - _ANCHOR:
        characters, expected = a[at : at + _ANCHOR], j + at - i
        around = max(j, expected - _SHIFT), expected + _SHIFT + _ANCHOR
        place = b.find(characters, *around)
        # What stands there twice, such as a line of dashes, says nothing.
        if place >= 0 and place == b.rfind(characters, *around):
            common.append((at, place))
            at += _ANCHOR
        at += 1
    common.sort(key=lambda pair: pair[1] - pair[0])
    return common[len(common) // 2] if common else (i + _PIECE, j + _PIECE)


def _distance_of_ends(a: str, b: str) -> int:
    """The distance of two pieces, of which one may be much longer, since it is the end of its text."""
    shorter, longer = sorted((a, b), key=len)
    kept = len(shorter) + _PIECE
    return edit_distance(shorter, longer[:kept]) + len(longer[kept:])


def _common(one: Characters, other: Characters) -> int:
    shortest = min(len(one), len(other))
    differing = np.flatnonzero(one[:shortest] != other[:shortest])
    return int(differing[0]) if len(differing) else shortest
