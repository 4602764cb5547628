"""Nearest neighbours in blocks, equal to the last bit to double loops over float64.

A float32 product bounds the distances of a block. What that leaves open is computed from the differences of the
coordinates in float64; where it leaves too much open the block is multiplied again in float64. No more than a few
blocks of distances are held at any time.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness_generative.nearest.distances import (
    TINY,
    Bounds,
    Centred,
    Distinct,
    Floats,
    Frame,
    Indices,
    Mask,
    bounds_between,
    check_width,
    checked,
    exact_squares,
    parts_of,
    rounded_up,
    slices,
    true_positions,
)


def nearest(
    queries: npt.NDArray[Any], references: npt.NDArray[Any], k: int, *, exclude_self: bool = False
) -> tuple[Floats, Indices]:
    """The k nearest references of each query in Euclidean distance, nearest first; of equally near ones the first.

    Args:
        queries: `[n, d]`, read as float32.
        references: `[m, d]`, read as float32.
        k: the number of neighbours, from 1 to m (to m - 1 with `exclude_self`).
        exclude_self: reference i does not count for query i; `queries` must be `references`. Another reference with
            the same coordinates does count, at distance 0.

    Returns:
        Distances `[n, k]` float64, exactly 0 between equal rows, and the rows of the references `[n, k]`.

    Raises:
        ValueError: shapes that do not fit, a k out of range, NaN or infinity.
    """
    if exclude_self and queries is not references:
        raise ValueError("exclude_self needs the references themselves as queries")
    references = checked(references, "references")
    queries = references if exclude_self else checked(queries, "queries")
    check_width(queries, references)
    if not 1 <= k <= len(references) - exclude_self:
        others = "others" if exclude_self else "references"
        raise ValueError(f"k = {k} neighbours of {len(references) - exclude_self} {others}")
    distinct = Distinct()
    reference_numbers, reference_rows = distinct.number(references)
    if exclude_self:
        numbers, rows = reference_numbers, reference_rows
    else:
        numbers, rows = Distinct().number(queries)
    frame = Frame.around(references, queries)
    points = Centred(references, reference_rows, frame)
    asked = points if exclude_self else Centred(queries, rows, frame)
    # One more than asked for, since the query itself is among the nearest and goes last.
    wanted = k + exclude_self
    squared, neighbours = _search(asked, points, min(wanted, len(points)))
    squared, neighbours = _all_copies(squared, neighbours, reference_numbers, wanted)
    squared, neighbours = squared[numbers], neighbours[numbers]
    if exclude_self:
        keep = neighbours != np.arange(len(neighbours))[:, None]
        keep[keep.all(axis=1), -1] = False
        squared, neighbours = squared[keep].reshape(-1, k), neighbours[keep].reshape(-1, k)
    return np.sqrt(squared), neighbours


@dataclass(frozen=True, slots=True)
class DistanceBlock:
    """Distances of some points of one set from some of another.

    Attributes:
        rows, columns: which points of the first and of the second set.
        distances: `[rows, columns]` float32, rounded: the error of a square is some 1e-6 of the squares of the
            coordinates; what must be exact stands in the other two.
        in_first: `[rows, columns]`, exact: whether the second point lies within the radius of the first, or on it.
        in_second: the same for the radius of the second.
    """

    rows: slice
    columns: slice
    distances: npt.NDArray[np.float32]
    in_first: Mask
    in_second: Mask


def within_radii(
    first: npt.NDArray[Any], second: npt.NDArray[Any], first_radii: npt.ArrayLike, second_radii: npt.ArrayLike
) -> Iterator[DistanceBlock]:
    """Which points lie in which closed balls around the points of two sets, block by block.

    Args:
        first: `[n, d]`, read as float32.
        second: `[m, d]`, read as float32.
        first_radii: `[n]`, for instance distances that `nearest` found; a point at exactly that distance is inside.
        second_radii: `[m]`.

    Raises:
        ValueError: shapes that do not fit, NaN or infinity.
    """
    first, second = checked(first, "first"), checked(second, "second")
    check_width(first, second)
    radii = np.asarray(first_radii, dtype=np.float64), np.asarray(second_radii, dtype=np.float64)
    if radii[0].shape != (len(first),) or radii[1].shape != (len(second),) or np.isnan(np.concatenate(radii)).any():
        raise ValueError(f"one radius for each of {len(first)} and {len(second)} points is needed")
    frame = Frame.around(first, second)

    @functools.cache
    def numbers() -> tuple[Indices, Indices]:
        distinct = Distinct()
        return distinct.number(first)[0], distinct.number(second)[0]

    pair = Centred(first, None, frame), Centred(second, None, frame)
    for rows in parts_of(pair[0]):
        for columns in parts_of(pair[1]):
            yield _block(pair, numbers, radii, rows, columns)


class _Shortlist:
    """The references that may be among the k nearest of the queries of one block."""

    def __init__(self, queries: Centred, part: slice, references: Centred, k: int) -> None:
        self.part = part
        self._queries, self._references, self._k = queries, references, k
        self._within = np.full(part.stop - part.start, np.inf)
        self._rows: Indices = np.empty(0, dtype=np.intp)
        self._columns: Indices = np.empty(0, dtype=np.intp)
        self._lower: Floats = np.empty(0)
        self._upper: Floats = np.empty(0)
        self._max_pairs = len(self._within) * (4 * k + 16)

    def offer(self, bounds: Bounds, first_column: int, *, allow_many: bool) -> bool:
        """Add pairs that may be near enough; False, and nothing is added, if the bounds leave too many."""
        near = bounds.lower <= rounded_up(self._within, bounds.lower)[:, None]
        if np.count_nonzero(near) > self._max_pairs:
            self._tighten(bounds)
            near = bounds.lower <= rounded_up(self._within, bounds.lower)[:, None]
            if np.count_nonzero(near) > self._max_pairs and not allow_many:
                return False
        rows, columns = true_positions(near)
        if len(rows):
            lower = bounds.lower[rows, columns].astype(np.float64)
            self._rows = np.concatenate([self._rows, rows])
            self._columns = np.concatenate([self._columns, columns + first_column])
            self._lower = np.concatenate([self._lower, lower])
            upper = lower + bounds.row_slack[rows] + bounds.column_slack[columns]
            self._upper = np.concatenate([self._upper, upper])
            if len(self._rows) > 4 * self._max_pairs:
                self._keep_exact()
            self._prune()
        return True

    def _tighten(self, bounds: Bounds) -> None:
        """Limit the distance of the k-th nearest by k references of this block alone."""
        if bounds.lower.shape[1] >= self._k:
            kth = np.partition(np.ascontiguousarray(bounds.lower), self._k - 1, axis=1)[:, self._k - 1]
            upper = kth.astype(np.float64) + bounds.row_slack + bounds.column_slack.max()
            self._within = np.minimum(self._within, upper)

    def _prune(self) -> None:
        """Drop pairs for which k others are certainly nearer."""
        order = np.argsort(self._upper)
        # A stable sort of 16 bits is a radix sort, which costs a tenth of np.lexsort; a block has 2048 rows at most.
        order = order[np.argsort(self._rows[order].astype(np.int16), kind="stable")]
        rows = self._rows[order]
        kth = np.searchsorted(rows, np.arange(len(self._within))) + self._k - 1
        inside = np.minimum(kth, len(rows) - 1)
        there = (kth < len(rows)) & (rows[inside] == np.arange(len(self._within)))
        self._within = np.where(there, np.minimum(self._within, self._upper[order][inside]), self._within)
        self._take(order[self._lower[order] <= self._within[rows]])

    def _take(self, entries: Indices) -> None:
        self._rows, self._columns = self._rows[entries], self._columns[entries]
        self._lower, self._upper = self._lower[entries], self._upper[entries]

    def _keep_exact(self) -> Floats:
        """Keep the k nearest of each query by exact distance, the first reference first; their squared distances."""
        squared = exact_squares(self._queries, self._rows + self.part.start, self._references, self._columns)
        order = np.lexsort((self._columns, squared, self._rows))
        rows = self._rows[order]
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
        closest = order[rank < self._k]
        squared = squared[closest]
        self._take(closest)
        # A hair wider, for the rounding of the exact value itself.
        scaled = squared * self._queries.scale**2
        self._lower, self._upper = scaled * (1 - 1e-12), scaled * (1 + 1e-12)
        return squared

    def finished(self) -> tuple[Floats, Indices]:
        """Squared distances and references `[block, k]`, nearest first."""
        squared = self._keep_exact()
        shape = (len(self._within), self._k)
        return squared.reshape(shape), self._columns.reshape(shape)


def _search(queries: Centred, references: Centred, k: int) -> tuple[Floats, Indices]:
    """Squared distances and numbers of the k nearest distinct references of each distinct query.

    If both are the same set, each product of two blocks serves both of them; the blocks on the diagonal come first,
    so that every query knows early how near its neighbours are.
    """
    parts = parts_of(references)
    if queries is not references:
        results = []
        for own in parts_of(queries):
            shortlist = _Shortlist(queries, own, references, k)
            for part in parts:
                _offer(queries, references, own, part, [shortlist])
            results.append(shortlist.finished())
    else:
        shortlists = [_Shortlist(references, part, references, k) for part in parts]
        for apart in range(len(parts)):
            for a in range(len(parts) - apart):
                pair = [shortlists[a], shortlists[a + apart]][: 1 + (apart > 0)]
                _offer(references, references, parts[a], parts[a + apart], pair)
        results = [shortlist.finished() for shortlist in shortlists]
    return np.concatenate([f[0] for f in results]), np.concatenate([f[1] for f in results])


def _offer(a: Centred, b: Centred, rows: slice, columns: slice, shortlists: list[_Shortlist]) -> None:
    """Offer a block to the shortlist of its rows and, if there is a second one, transposed to that of its columns."""
    open_: list[int] = list(range(len(shortlists)))
    for dtype in (np.float32, np.float64):
        bounds = bounds_between(a, b, rows, columns, dtype)
        views = (bounds, columns.start), (bounds.transposed(), rows.start)
        last = dtype is np.float64
        open_ = [i for i in open_ if not shortlists[i].offer(*views[i], allow_many=last)]
        if not open_:
            return


def _all_copies(squared: Floats, neighbours: Indices, numbers: Indices, k: int) -> tuple[Floats, Indices]:
    """From the nearest distinct references to the nearest rows: the first k, by distance and then by row.

    Args:
        squared, neighbours: `[n, wanted]` of distinct references.
        numbers: `[m]`, which distinct reference each row is.
        k: how many rows; at least that many lie among the copies of the neighbours.
    """
    by_number = np.argsort(numbers, kind="stable")
    counts = np.bincount(numbers)
    if len(counts) == len(numbers):
        return squared, neighbours
    starts = np.cumsum(counts) - counts
    out = np.empty((len(neighbours), k)), np.empty((len(neighbours), k), dtype=np.intp)
    copies = np.minimum(counts, k)
    for part in slices(len(neighbours), neighbours.shape[1] * k):
        taken = copies[neighbours[part]].ravel()
        of_query = np.repeat(np.repeat(np.arange(part.stop - part.start), neighbours.shape[1]), taken)
        copy = np.arange(len(of_query)) - np.repeat(np.cumsum(taken) - taken, taken)
        rows = by_number[np.repeat(starts[neighbours[part]].ravel(), taken) + copy]
        distance = np.repeat(squared[part].ravel(), taken)
        order = np.lexsort((rows, distance, of_query))
        first = np.searchsorted(of_query, np.arange(part.stop - part.start))
        first_k = order[(first[:, None] + np.arange(k)).ravel()]
        out[0][part], out[1][part] = distance[first_k].reshape(-1, k), rows[first_k].reshape(-1, k)
    return out


def _block(
    pair: tuple[Centred, Centred],
    numbers: Callable[[], tuple[Indices, Indices]],
    radii: tuple[Floats, Floats],
    rows: slice,
    columns: slice,
) -> DistanceBlock:
    """One block of `within_radii`."""
    for dtype in (np.float32, np.float64):
        bounds = bounds_between(*pair, rows, columns, dtype)
        in_first, open_first = _decide(bounds, radii[0][rows] * pair[0].scale)
        in_second, open_second = (m.T for m in _decide(bounds.transposed(), radii[1][columns] * pair[0].scale))
        i, j = true_positions(open_first | open_second)
        if len(i) * 256 < in_first.size:
            break
    squared = np.zeros(len(i))
    if len(i) * 256 < in_first.size:
        apart = np.ones(len(i), dtype=bool)
    else:
        apart = numbers()[0][rows][i] != numbers()[1][columns][j]
    squared[apart] = exact_squares(pair[0], i[apart] + rows.start, pair[1], j[apart] + columns.start)
    exact = np.sqrt(squared)
    in_first[i, j] = exact <= radii[0][rows][i]
    in_second[i, j] = exact <= radii[1][columns][j]
    distances = bounds.lower
    distances += (bounds.row_slack / 2).astype(distances.dtype)[:, None]
    distances += (bounds.column_slack / 2).astype(distances.dtype)
    np.sqrt(np.maximum(distances, 0, out=distances), out=distances)
    if pair[0].scale != 1:
        distances /= distances.dtype.type(pair[0].scale)
    return DistanceBlock(rows, columns, distances.astype(np.float32, copy=False), in_first, in_second)


def _decide(bounds: Bounds, radii: Floats) -> tuple[Mask, Mask]:
    """Which points may lie within the radii of the rows, and for which of them the bounds leave it open."""
    reach = np.where(radii >= 0, radii, np.nan) ** 2 * (1 + 1e-12) + TINY
    possible = bounds.lower <= rounded_up(reach, bounds.lower)[:, None]
    surely = np.where(radii >= 0, radii, np.nan) ** 2 * (1 - 1e-12) - bounds.row_slack - bounds.column_slack.max()
    return possible, possible & ~(bounds.lower <= -rounded_up(-surely, bounds.lower)[:, None])
