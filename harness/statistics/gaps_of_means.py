"""The gap of means or ratios of sums between groups, by the largest difference in units of its own Welch interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.contract.context import derive_seed
from harness.statistics.permutation import PERMUTATIONS, GapTest, critical_value, permutation_p
from harness.statistics.quantiles import LEVEL

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]
_MIN_DRAWS = 99
_MAX_VALUES = 2**23
"""Rows times permutations, and pairs of groups times permutations; beyond this there are fewer permutations."""
_AT_ONCE = 2**21
_MAX_PERMUTED = 20_000
"""Of more rows than this only the smallest groups are drawn row by row, those of so many rows together."""
_NORMAL_FROM = 1000
"""The mean of so many values is taken for normal, where not all rows are permuted."""


def gap_of_ratios(
    numerators: Floats,
    denominators: Floats,
    group: Whole,
    groups: int,
    *,
    floor: Floats | None = None,
    level: float = LEVEL,
) -> GapTest:
    """The largest of the ratios of sums of groups less the smallest; with denominators of 1 they are means.

    The statistic is the largest difference of two groups in units of half its Welch interval, at a level divided over
    the pairs (Bonferroni). Permuted differences are in units of their own intervals (Janssen 1997; Chung & Romano
    2013): groups may differ in spread. The interval is as many times as long as .95 of the permutations need, and no
    shorter than Welch's; p is the permutation's, and no smaller than Welch's times the pairs. Variances of ratios are
    those of the jackknife over rows.

    Args:
        numerators, denominators: `[n]`, finite, the denominators not negative.
        group: `[n]`, from 0 to groups - 1, each with at least two positive denominators.
        groups: the number of groups, at least 2.
        floor: `[n]`, the least variance of each value, where something is known of it.
        level: the nominal coverage.
    """
    rows = _Rows.of(numerators, denominators, group, groups, floor)
    welch = _Welch.of(rows.sizes, level)
    ratios, variances = rows.observed()
    difference, half = welch.differences(ratios, variances)
    largest = float(_in_units(difference, half).max())
    drawn, gaps, method = _permuted(rows, welch)
    stretch = max(1.0, critical_value(drawn, level))
    low, high = float((difference - stretch * half).max()), float((difference + stretch * half).max())
    p = max(permutation_p(largest, drawn), welch.p(ratios, variances, largest > 1))
    return GapTest(float(np.ptp(ratios)), max(0.0, low), high, float(gaps.mean()), p, method)


def _permuted(rows: _Rows, welch: _Welch) -> tuple[Floats, Floats, str]:
    """The largest difference in units of its interval, and the raw gap, of each permutation; and how they were drawn.

    Permuting millions of rows costs minutes and changes nothing: beside many rows, those of small groups may be drawn
    with replacement, and the ratio of a group of a thousand is normal around that of all.
    """
    drawn_row_by_row = np.ones(len(rows.sizes), dtype=bool)
    if rows.n > _MAX_PERMUTED:
        ascending = np.argsort(rows.sizes, kind="stable")
        drawn_row_by_row[ascending] = np.cumsum(rows.sizes[ascending]) <= _MAX_PERMUTED
        drawn_row_by_row &= rows.sizes < _NORMAL_FROM
    small = np.flatnonzero(drawn_row_by_row)
    n_drawn = int(rows.sizes[small].sum())
    values = max(1, n_drawn, len(welch.one))
    draws = min(PERMUTATIONS, max(_MIN_DRAWS, _MAX_VALUES // values))
    rng = np.random.default_rng(derive_seed(0, "gap of means", rows.n, len(rows.sizes)))
    at_once = max(1, _AT_ONCE // values)
    parts = [_some(rows, welch, small, min(at_once, draws - start), rng) for start in range(0, draws, at_once)]
    largest, gaps = (np.concatenate(each) for each in zip(*parts, strict=True))
    method = f"simultaneous welch by {draws} permutations"
    return largest, gaps, method if len(small) == len(rows.sizes) else f"{method}, large groups normal"


def _some(rows: _Rows, welch: _Welch, small: Whole, draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    sizes = rows.sizes[small]
    ratios = rng.normal(size=(draws, len(rows.sizes))) * np.sqrt(rows.least / rows.sizes)
    variances = np.broadcast_to(rows.least / rows.sizes, ratios.shape).copy()
    if len(small) == len(rows.sizes):
        chosen = rng.permuted(np.broadcast_to(np.arange(rows.n), (draws, rows.n)), axis=1)
    else:
        chosen = rng.integers(rows.n, size=(draws, int(sizes.sum())))
    if len(small):
        ratios[:, small], variances[:, small] = rows.moments(chosen, sizes)
    return _in_units(*welch.differences(ratios, variances)).max(axis=1), np.ptp(ratios, axis=1)


def _in_units(difference: Floats, half: Floats) -> Floats:
    """Differences in units of half their intervals; these have no length where all values are equal."""
    return np.divide(difference, half, out=np.zeros_like(difference), where=half > 0)


@dataclass(frozen=True)
class _Rows:
    """Rows in the order of their groups, with the ratio of all taken off, which leaves the differences as they are.

    Attributes:
        top, bottom, floor: `[n]`; bottom and floor are None where all denominators are 1, or nothing is known.
        sizes: `[groups]`.
        least: the variance of the value of a row when all rows are one group.
    """

    top: Floats
    bottom: Floats | None
    floor: Floats | None
    sizes: Whole
    least: float

    @classmethod
    def of(cls, top: Floats, bottom: Floats, group: Whole, groups: int, floor: Floats | None) -> _Rows:
        """The rows `[n]` of all groups."""
        order = np.argsort(group, kind="stable")
        top, bottom = top[order].astype(np.float64), bottom[order].astype(np.float64)
        # Small numbers lose nothing when they are summed: the same groups in another order have the same statistic.
        top = top - float(top.sum() / bottom.sum()) * bottom
        least = float(((top / bottom.mean()) ** 2).sum() / (len(top) - 1))
        return cls(
            top,
            None if bool((bottom == 1).all()) else bottom,
            None if floor is None else floor[order],
            np.bincount(group, minlength=groups),
            least,
        )

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self.top)

    def observed(self) -> tuple[Floats, Floats]:
        """The ratio of each group and its variance, `[groups]`."""
        ratios, variances = self.moments(np.arange(self.n)[None], self.sizes)
        return ratios[0], variances[0]

    def moments(self, rows: Whole, sizes: Whole) -> tuple[Floats, Floats]:
        """Ratios and their variances `[draws, groups]` of these rows `[draws, sizes.sum()]`, cut into groups.

        Equal values do not show that there is no variance: it is at least what one value more, as far from them as the
        standard deviation of all rows, would bring.
        """
        starts, top = np.cumsum(sizes) - sizes, self.top[rows]
        values, ratios = self._values(top, None if self.bottom is None else self.bottom[rows], sizes, starts)
        values = values - np.repeat(np.add.reduceat(values, starts, axis=1) / sizes, sizes, axis=1)
        variances = np.add.reduceat(values * values, starts, axis=1) / (sizes - 1)
        variances = np.maximum(variances, self.least / sizes)
        if self.floor is not None:
            variances = np.maximum(variances, np.add.reduceat(self.floor[rows], starts, axis=1) / sizes)
        return ratios, variances / sizes

    @staticmethod
    def _values(top: Floats, bottom: Floats | None, sizes: Whole, starts: Whole) -> tuple[Floats, Floats]:
        """The jackknife's value of each row for the ratio of its group (Tukey 1958), and the ratios."""
        tops = np.add.reduceat(top, starts, axis=1)
        if bottom is None:
            return top, tops / sizes
        bottoms, n = np.add.reduceat(bottom, starts, axis=1), np.repeat(sizes, sizes)
        ratios = np.divide(tops, bottoms, out=np.zeros_like(tops), where=bottoms > 0)
        of_rows, above, below = (np.repeat(each, sizes, axis=1) for each in (ratios, tops, bottoms))
        left = np.divide(above - top, below - bottom, out=of_rows.copy(), where=below > bottom)
        return n * of_rows - (n - 1) * left, ratios


@dataclass(frozen=True)
class _Welch:
    """Welch's intervals for the differences of all pairs of groups at once.

    Attributes:
        one, other: `[pairs]`, the groups of each pair.
        sizes: `[groups]`.
        level: of all intervals together.
        grid, log_quantiles: the logarithm of the quantile of Student's t by one over its degrees of freedom, in which
            it is nearly linear: many times faster than the quantile itself, and right to seven digits.
    """

    one: Whole
    other: Whole
    sizes: Whole
    level: float
    grid: Floats
    log_quantiles: Floats

    @classmethod
    def of(cls, sizes: Whole, level: float) -> _Welch:
        """The intervals of groups of these sizes, `[groups]`."""
        from scipy.special import stdtrit

        one, other = np.triu_indices(len(sizes), 1)
        grid = np.linspace(0.0, 1.0, 4097)
        quantiles = stdtrit(1 / np.maximum(grid, 1e-12), 1 - (1 - level) / (2 * len(one)))
        return cls(one, other, sizes, level, grid, np.log(quantiles))

    def differences(self, ratios: Floats, variances: Floats) -> tuple[Floats, Floats]:
        """Sizes of the differences `[..., pairs]`, and half the lengths of their intervals."""
        square, freedom = self._errors(variances)
        quantiles = np.exp(np.interp(1 / freedom, self.grid, self.log_quantiles))
        return np.abs(ratios[..., self.one] - ratios[..., self.other]), quantiles * np.sqrt(square)

    def _errors(self, variances: Floats) -> tuple[Floats, Floats]:
        """Squares of the standard errors of the differences, and their degrees of freedom."""
        first, second = variances[..., self.one], variances[..., self.other]
        square, less_one = first + second, self.sizes - 1
        bottom = first**2 / less_one[self.one] + second**2 / less_one[self.other]
        freedom = np.divide(square**2, bottom, out=np.ones_like(square), where=bottom > 0)
        return square, np.maximum(1.0, freedom)

    def p(self, ratios: Floats, variances: Floats, found: bool) -> float:
        """The smallest p-value of Welch's tests times the number of pairs, at most 1 - level if a difference is found.

        Args:
            ratios, variances: `[groups]`.
            found: whether a difference is longer than half its interval; the p-value says the same up to rounding.
        """
        from scipy.special import stdtr

        square, freedom = self._errors(variances)
        difference = np.abs(ratios[self.one] - ratios[self.other])
        t = np.divide(difference, np.sqrt(square), out=np.zeros_like(square), where=square > 0)
        p = min(1.0, float(2 * len(self.one) * stdtr(freedom, -t).min()))
        significant = round(1 - self.level, 12)
        return min(p, significant) if found else max(p, float(np.nextafter(significant, 1)))
