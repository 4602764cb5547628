"""The unbiased maximum mean discrepancy of two sets and its jackknife, in blocks and in float64.

MMD^2 is the mean of k(x, x') over pairs of different rows of one set, plus that of the other, less twice the mean of
k(x, y) (Gretton et al. 2012, eq. 3). What is left when one row is left out follows from the sums of the rows of the
kernel's matrix, so the jackknife costs no more than the value; no matrix larger than a block is ever held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.api import InvalidOutput

Array = npt.NDArray[np.float64]
Features = npt.NDArray[np.floating[Any]]
Kernel = Callable[[Array, Array], Array]
"""`[n, d]`, `[m, d]` to `[n, m]`."""

_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """An unbiased estimate of MMD^2, which can be negative where the true value is near 0.

    Attributes:
        value: the estimate.
        first, second: `[n]` for each set: what each row adds to the deviation of the estimate from its mean, by leaving
            it out; the sum of their squares is the variance that comes from the set.
    """

    value: float
    first: Array
    second: Array

    @property
    def standard_error(self) -> float:
        """By leaving out one row at a time, of each set in turn."""
        return float(np.sqrt(self.first @ self.first + self.second @ self.second))


def cubic(x: Array, y: Array) -> Array:
    """(x.y / d + 1)^3, the kernel of KID (Binkowski et al. 2018, section 4)."""
    return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)


def gaussian(sigma: float) -> Kernel:
    """exp(-|x - y|^2 / (2 sigma^2)) - 1; the constant changes no MMD and keeps the digits of a wide kernel."""

    def kernel(x: Array, y: Array) -> Array:
        return np.asarray(np.expm1(squared_distances(x, y) * (-0.5 / sigma**2)))

    return kernel


def squared_distances(x: Array, y: Array) -> Array:
    """`[n, m]`, never negative."""
    squares = np.einsum("ij,ij->i", x, x)[:, None] + np.einsum("ij,ij->i", y, y) - 2 * x @ y.T
    return np.asarray(squares.clip(0))


def median_distance(rows: Features, at_most: int = 2000) -> float:
    """The median distance of two different rows, over at most so many rows at even steps."""
    n = min(len(rows), at_most)
    chosen = rows[np.arange(n) * len(rows) // n].astype(np.float64)
    chosen -= chosen.mean(axis=0)
    distances = np.sqrt(squared_distances(chosen, chosen)[np.triu_indices(len(chosen), 1)])
    return float(np.median(distances))


def discrepancy(generated: Features, reference: Features, kernel: Kernel) -> Discrepancy:
    """MMD^2 over all rows.

    Args:
        generated: `[n, d]`.
        reference: `[m, d]`.
        kernel: applied to blocks of rows in float64.

    Raises:
        InvalidOutput: different numbers of features, fewer than 3 rows, NaN or infinity.
    """
    for name, rows in (("generated", generated), ("reference", reference)):
        if rows.ndim != 2 or len(rows) < 3:
            raise InvalidOutput(f"{name} features have shape {list(rows.shape)}; at least 3 rows are needed")
        if not all(np.isfinite(block).all() for _, block in _blocks(rows)):
            raise InvalidOutput(f"{name} features hold NaN or infinity")
    if generated.shape[1] != reference.shape[1]:
        raise InvalidOutput(f"{generated.shape[1]} generated features and {reference.shape[1]} of the reference")
    within, others = _sums_within(generated, kernel), _sums_within(reference, kernel)
    across, back = _sums_across(generated, reference, kernel)
    n, m = len(generated), len(reference)
    value = within.sum() / (n * (n - 1)) + others.sum() / (m * (m - 1)) - 2 * across.sum() / (n * m)
    return Discrepancy(float(value), _jackknife(within, across, m), _jackknife(others, back, n))


def _jackknife(within: Array, across: Array, others: int) -> Array:
    """What each row of one set adds: without it, its own pairs and its pairs with the other set are gone."""
    n = len(within)
    left = (within.sum() - 2 * within) / ((n - 1) * (n - 2)) - 2 * (across.sum() - across) / ((n - 1) * others)
    return np.asarray(np.sqrt((n - 1) / n) * (left.mean() - left))


def _sums_within(rows: Features, kernel: Kernel) -> Array:
    """The sum over each row of the kernel's matrix without its diagonal, from one half of it."""
    sums = np.zeros(len(rows))
    for start, block in _blocks(rows):
        own = kernel(block, block)
        np.fill_diagonal(own, 0.0)
        sums[start : start + len(block)] += own.sum(axis=1)
        for other_start, other in _blocks(rows, start + len(block)):
            values = kernel(block, other)
            sums[start : start + len(block)] += values.sum(axis=1)
            sums[other_start : other_start + len(other)] += values.sum(axis=0)
    return sums


def _sums_across(rows: Features, others: Features, kernel: Kernel) -> tuple[Array, Array]:
    """The sums over rows and over columns of the kernel's matrix."""
    sums, back = np.zeros(len(rows)), np.zeros(len(others))
    for start, block in _blocks(rows):
        for other_start, other in _blocks(others):
            values = kernel(block, other)
            sums[start : start + len(block)] += values.sum(axis=1)
            back[other_start : other_start + len(other)] += values.sum(axis=0)
    return sums, back


def _blocks(rows: Features, start: int = 0) -> Iterator[tuple[int, Array]]:
    for at in range(start, len(rows), _BLOCK):
        yield at, rows[at : at + _BLOCK].astype(np.float64)
