"""The growth of a metric with the size of a model: a logistic curve over the logarithm of the size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_MIDDLES = 65
_SLOPES = 20
_GENTLEST = 0.5
NINE_TENTHS = 2 * float(np.log(9))
"""Over the slope: how many doublings a logistic curve takes from 10 to 90 % of its rise."""
_ZOOMS = 4
# Of curves that fit alike the gentler is taken: what lies between two sizes is not known.
_PENALTY = 1e-4
_CHUNK = 200


@dataclass(frozen=True)
class GrowthCurves:
    """Curves low + (high - low) / (1 + exp(-slope (x - middle))) of x = log2(size), one for each index of the arrays.

    Attributes:
        low, high: the limits of the metric for small and large models, within [0, 1].
        middle: log2 of the size at which half of the way is gone.
        slope: per doubling of the size.
    """

    low: Floats
    high: Floats
    middle: Floats
    slope: Floats

    def at(self, log_size: npt.ArrayLike) -> Floats:
        """The values of the curves at one log2(size) each."""
        steps = _logistic(self.slope * (np.asarray(log_size, dtype=np.float64) - self.middle))
        return np.asarray(self.low + (self.high - self.low) * steps)

    def log_size_at(self, value: float) -> Floats:
        """log2 of the size at which each curve reaches a value: infinite if it stays below, minus infinity if above."""
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (value - self.low) / (self.high - self.low)
            log_sizes = self.middle + np.log(share / (1 - share)) / self.slope
        log_sizes = np.where(value <= self.low, -np.inf, log_sizes)
        return np.where(value >= self.high, np.inf, log_sizes)


def fit_growth(sizes: Sequence[float], values: npt.ArrayLike) -> GrowthCurves:
    """Fit the curve of least squares to each row of values.

    Middle and slope are searched on a grid that is refined around the best; low and high follow by linear least
    squares. So the search cannot end in a local minimum, and a thousand rows take a few tenths of a second.

    Args:
        sizes: different sizes `[s]`.
        values: of a metric at each size, within [0, 1], `[n, s]`.
    """
    x = np.log2(np.asarray(sizes, dtype=np.float64))
    y = np.atleast_2d(np.asarray(values, dtype=np.float64))
    return _joined([_fit(x, y[start : start + _CHUNK]) for start in range(0, len(y), _CHUNK)])


def _fit(x: Floats, y: Floats) -> GrowthCurves:
    closest = float(np.diff(np.sort(x)).min())
    # Steeper than that and all of the rise lies within half the closest gap, where nothing is measured.
    steepest = 2 * NINE_TENTHS / closest
    middles = np.linspace(x.min() - closest, x.max() + closest, _MIDDLES)
    slopes = np.geomspace(min(_GENTLEST, steepest / 2), steepest, _SLOPES)
    grid = np.stack(np.meshgrid(middles, slopes, indexing="ij"), axis=-1).reshape(1, -1, 2)
    best = _best(x, y, grid, steepest)
    step, factor = middles[1] - middles[0], slopes[1] / slopes[0]
    for _ in range(_ZOOMS):
        near = np.linspace(-1, 1, 5)
        shifts, factors = np.meshgrid(near * step, factor**near, indexing="ij")
        found_middle = best.middle[:, None] + shifts.reshape(1, -1)
        found_slope = np.minimum(best.slope[:, None] * factors.reshape(1, -1), steepest)
        best = _best(x, y, np.stack([found_middle, found_slope], axis=-1), steepest)
        step, factor = step / 2, np.sqrt(factor)
    return best


def _best(x: Floats, y: Floats, grid: Floats, steepest: float) -> GrowthCurves:
    """For each row of y `[n, s]` the best of its candidates `[n, m, (middle, slope)]`; `[1, m, 2]` are those of all."""
    steps = _logistic(grid[..., 1:] * (x - grid[..., :1]))
    n, total, squares = len(x), y.sum(axis=-1, keepdims=True), (y**2).sum(axis=-1, keepdims=True)
    steps_total, steps_squares = steps.sum(axis=-1), (steps**2).sum(axis=-1)
    products = y @ steps[0].T if len(steps) == 1 else (steps @ y[..., None])[..., 0]
    spread = np.maximum(steps_squares - steps_total**2 / n, 1e-12)
    rise = np.maximum((products - total * steps_total / n) / spread, 0)
    low = np.clip((total - rise * steps_total) / n, 0, 1)
    high = np.clip(low + rise, 0, 1)
    rise = high - low
    loss = squares - 2 * low * total - 2 * rise * products
    loss += n * low**2 + 2 * low * rise * steps_total + rise**2 * steps_squares
    loss += _PENALTY * grid[..., 1] / steepest
    grid = np.broadcast_to(grid, (len(y), *grid.shape[1:]))
    best = (np.arange(len(y)), loss.argmin(axis=-1))
    return GrowthCurves(low[best], high[best], grid[..., 0][best], grid[..., 1][best])


def _joined(parts: Sequence[GrowthCurves]) -> GrowthCurves:
    return GrowthCurves(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(GrowthCurves)))


def _logistic(z: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -500, 500))))
