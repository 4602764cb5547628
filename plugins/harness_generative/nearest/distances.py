"""Distances between blocks of points: bounds from a float32 product, exact values from float64 differences.

A squared distance |x|² + |y|² - 2 x·y made by a matrix product carries a rounding error that no duplicate survives
as 0. Here the product serves as a lower bound only, whose error is bounded rigorously (Higham 2002, Accuracy and
Stability of Numerical Algorithms, section 3.1).
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

_BLOCK_ROWS = 2048
_BLOCK_NUMBERS = 1 << 22
_DIFFERENCES = 1 << 16
"""Coordinates whose differences are taken at once; as float64 they fit a processor's cache."""

TINY = 1e-37
"""More than what float32 loses to underflow in a squared distance of coordinates of order 1."""


def checked(points: npt.NDArray[Any], name: str) -> npt.NDArray[np.float32]:
    """Points `[n, d]` as float32; a ValueError for another shape, an empty set, NaN or infinity."""
    points = np.asarray(points, dtype=np.float32)
    if points.ndim != 2 or not points.size:
        raise ValueError(f"{name} must be an array [n, d] that holds something, not {list(points.shape)}")
    for part in slices(len(points), points.shape[1]):
        finite = np.isfinite(points[part]).all(axis=1)
        if not finite.all():
            row = part.start + int(np.argmin(finite))
            raise ValueError(f"row {row} of the {name} holds NaN or infinity; distances need finite numbers")
    return points


def check_width(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> None:
    """Raise ValueError if the points of two sets have different numbers of coordinates."""
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"points of {a.shape[1]} and of {b.shape[1]} coordinates have no distance")


def slices(n: int, width: int) -> list[slice]:
    """Nearly equal parts of n rows, each of a bounded size."""
    rows = max(64, min(_BLOCK_ROWS, _BLOCK_NUMBERS // width))
    edges = np.linspace(0, n, -(-n // rows) + 1).round().astype(int).tolist()
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


class Distinct:
    """Assigns numbers to rows so that equal rows have equal numbers, in the order in which they first appear.

    Without it a model that always returns the same sample would leave every distance open.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}

    def number(self, points: npt.NDArray[np.float32]) -> tuple[Indices, Indices]:
        """The number of each row, and the first row of each number that is new."""
        numbers = np.empty(len(points), dtype=np.intp)
        firsts: list[int] = []
        for part in slices(len(points), points.shape[1]):
            # Adding 0 turns -0 into 0, which is equal to it but has other bits.
            block = np.ascontiguousarray(points[part]) + np.float32(0)
            for i, row in enumerate(block, start=part.start):
                digest = hashlib.sha256(row).digest()
                if digest not in self._known:
                    self._known[digest] = len(self._known)
                    firsts.append(i)
                numbers[i] = self._known[digest]
        return numbers, np.asarray(firsts, dtype=np.intp)


@dataclass(frozen=True)
class Frame:
    """A shift and a power of two that bring coordinates near 0 and within the range of float32's squares."""

    shift: npt.NDArray[np.float32]
    scale: float

    @classmethod
    def around(cls, references: npt.NDArray[np.float32], others: npt.NDArray[np.float32]) -> Frame:
        largest = max(float(np.abs(s[p]).max()) for s in (references, others) for p in slices(len(s), s.shape[1]))
        ordinary = largest == 0 or 1e-10 < largest < 1e15
        scale = 1.0 if ordinary else float(2.0 ** -np.clip(np.frexp(largest)[1], -126, 126))
        centre = references.mean(axis=0, dtype=np.float64)
        return cls((centre * scale).astype(np.float32), scale)


class Centred:
    """Chosen rows of an array, shifted and scaled block by block so that no copy of the whole is needed."""

    def __init__(self, points: npt.NDArray[np.float32], chosen: Indices | None, frame: Frame) -> None:
        self.points, self._frame = points, frame
        self.chosen = None if chosen is None or len(chosen) == len(points) else chosen
        self.width = points.shape[1]
        self._norms: dict[tuple[int, str], Floats] = {}

    def __len__(self) -> int:
        return len(self.points) if self.chosen is None else len(self.chosen)

    @property
    def scale(self) -> float:
        return self._frame.scale

    def raw(self, rows: slice | Indices) -> npt.NDArray[np.float32]:
        return self.points[rows if self.chosen is None else self.chosen[rows]]

    def block(self, rows: slice, dtype: type[np.floating[Any]]) -> tuple[npt.NDArray[Any], Floats]:
        """The points of one part and their squared norms, of which only the norms are stored."""
        block = self.raw(rows).astype(dtype)
        if self.scale != 1:
            block *= dtype(self.scale)
        block -= self._frame.shift
        key = rows.start, np.dtype(dtype).name
        if key not in self._norms:
            self._norms[key] = np.einsum("ij,ij->i", block, block, dtype=np.float64)
        return block, self._norms[key]


def parts_of(points: Centred) -> list[slice]:
    """The blocks of a set."""
    return slices(len(points), points.width)


@dataclass(frozen=True)
class Bounds:
    """lower <= squared distance <= lower + row_slack + column_slack, in the units of the frame."""

    lower: npt.NDArray[Any]
    row_slack: Floats
    column_slack: Floats

    def transposed(self) -> Bounds:
        return Bounds(self.lower.T, self.column_slack, self.row_slack)


def bounds_between(a: Centred, b: Centred, rows: slice, columns: slice, dtype: type[np.floating[Any]]) -> Bounds:
    """Bounds of the squared distances between two blocks.

    With u the unit round-off, a product of d terms errs by less than 1.01 d u |x| |y| in any order of summation, the
    centring by less than 2 u (|x| + |y|)², the rest by a few u more; (|x| + |y|)² <= 2 (|x|² + |y|²) makes the sum of
    these a number per row plus a number per column, so that the bound costs nothing per pair.
    """
    x, row_norms = a.block(rows, dtype)
    # The product of a block with itself costs half.
    y, column_norms = (x, row_norms) if a is b and rows == columns else b.block(columns, dtype)
    share = float(np.finfo(dtype).eps) * (a.width + 8)
    lower = x @ y.T
    lower *= -2
    lower += ((1 - share) * row_norms - TINY).astype(dtype)[:, None]
    lower += ((1 - share) * column_norms).astype(dtype)
    return Bounds(lower, 2 * share * row_norms + 2 * TINY, 2 * share * column_norms)


def exact_squares(a: Centred, i: Indices, b: Centred, j: Indices) -> Floats:
    """Squared distances of pairs in float64, in the units of the points."""
    out = np.empty(len(i))
    step = max(1, _DIFFERENCES // a.width)
    for start in range(0, len(i), step):
        part = slice(start, start + step)
        difference = a.raw(i[part]).astype(np.float64)
        difference -= b.raw(j[part])
        np.einsum("ij,ij->i", difference, difference, out=out[part])
    return out


def true_positions(mask: Mask) -> tuple[Indices, Indices]:
    """Rows and columns of the true entries, searched along memory."""
    if mask.flags.c_contiguous:
        return np.divmod(np.flatnonzero(mask), mask.shape[1])
    columns, rows = np.divmod(np.flatnonzero(mask.T), mask.shape[0])
    return rows, columns


def rounded_up(values: Floats, like: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Values as the dtype of another array, never smaller than they were."""
    with np.errstate(over="ignore"):
        return np.asarray(np.nextafter(values.astype(like.dtype), like.dtype.type(np.inf)))
