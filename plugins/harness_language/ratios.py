"""Ratios of sums over documents, such as bits per byte, with intervals that hold for few documents of unequal length.

At 5 to 100 documents of equal or log-normal length (sigma 1), with rates that are skewed, or do or do not fall with the
length, nominal 95 % intervals cover: percentile bootstrap 66 to 94 %, BCa 67 to 94 %, Student's t on the linearised
ratio 79 to 96 %, this one 88 to 96 %. It is short of 95 % where rates are skewed or fall with the length.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.api import Estimate

Floats = npt.NDArray[np.float64]

LEVEL = 0.95


@dataclass(frozen=True)
class ClusteredSums:
    """Numerators and denominators summed within what is not independent.

    Attributes:
        top, bottom: `[clusters]`.
        of_row: `[rows]`, the cluster of each row.
        method: what the clusters are called in an estimate.
    """

    top: Floats
    bottom: Floats
    of_row: npt.NDArray[np.intp]
    method: str

    @classmethod
    def of(
        cls, top: npt.ArrayLike, bottom: npt.ArrayLike, clusters: Sequence[Hashable] | npt.NDArray[Any] | None
    ) -> ClusteredSums:
        """Sums over clusters `[rows]`; without them each row is one."""
        tops, bottoms = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
        if clusters is None:
            return cls(tops, bottoms, np.arange(len(tops)), "jackknife")
        names, of_row = np.unique(np.asarray(clusters), return_inverse=True)
        summed = [np.bincount(of_row, values).astype(np.float64) for values in (tops, bottoms)]
        return cls(summed[0], summed[1], of_row, f"jackknife over {len(names)} clusters")

    @property
    def ratio(self) -> float:
        """The sum of the numerators over that of the denominators."""
        return float(self.top.sum() / self.bottom.sum())

    @property
    def influences(self) -> Floats:
        """`[clusters]`, values whose mean is the ratio and whose spread is its uncertainty: the ratio, linearised."""
        values: Floats = self.ratio + (self.top - self.ratio * self.bottom) / self.bottom.mean()
        return values

    def standard_error(self) -> float | None:
        """The jackknife's, leaving out one cluster at a time (Efron 1982, equation 3.6); None if it cannot be told."""
        left = self.bottom.sum() - self.bottom
        n = len(self.top)
        if n < 2 or (left <= 0).any():
            return None
        ratios = (self.top.sum() - self.top) / left
        return float(np.sqrt((n - 1) / n * ((ratios - ratios.mean()) ** 2).sum()))

    def degrees_of_freedom(self) -> float:
        """One less than the number of clusters of equal size that would say as much (Kish 1965, section 11.7)."""
        return max(1.0, float(self.bottom.sum() ** 2 / (self.bottom**2).sum()) - 1)


def ratio(
    top: npt.ArrayLike,
    bottom: npt.ArrayLike,
    *,
    clusters: Sequence[Hashable] | npt.NDArray[Any] | None = None,
    n_missing: int = 0,
    level: float = LEVEL,
) -> Estimate:
    """sum(top) / sum(bottom) of values that are not negative, with Student's t and the jackknife over clusters.

    Args:
        top, bottom: `[rows]`.
        clusters: `[rows]`, what each row belongs to, where rows of one cluster are not independent.
        n_missing: rows that should have counted and could not.
        level: the nominal coverage.
    """
    sums = ClusteredSums.of(top, bottom, clusters)
    rows = len(sums.of_row)
    if sums.bottom.sum() == 0:
        return Estimate.undefined("the denominator is 0", n=rows, n_missing=n_missing)
    error = sums.standard_error()
    if error is None:
        return Estimate(sums.ratio, None, None, level, sums.method, rows, n_missing)
    from scipy.special import stdtrit

    half = float(stdtrit(sums.degrees_of_freedom(), 0.5 + level / 2)) * error
    return Estimate(sums.ratio, max(0.0, sums.ratio - half), sums.ratio + half, level, sums.method, rows, n_missing)
