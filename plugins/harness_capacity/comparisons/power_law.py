"""Errors as a power law of the number of training examples, down to a floor: floor + scale n^(-exponent)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST_SIZES = 4
"""Three numbers are fitted, and a curve through as many points would fit any."""
_EXPONENTS = np.geomspace(0.05, 4.0, 200)
_ZOOMS = 3
_LEAST_ERROR = 1e-3


@dataclass(frozen=True)
class PowerLaws:
    """Curves floor + scale n^(-exponent), one for each index of the arrays `[k]`; none of the numbers is negative."""

    floor: Floats
    scale: Floats
    exponent: Floats

    def at(self, n: npt.ArrayLike) -> Floats:
        """The errors of the curves at one number of examples each."""
        return np.asarray(self.floor + self.scale * np.asarray(n, dtype=np.float64) ** -self.exponent)

    def size_at(self, error: float) -> Floats:
        """The number of examples at which each curve comes down to an error; infinite where it stays above."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            sizes = (self.scale / (error - self.floor)) ** (1 / self.exponent)
        return np.where(error > self.floor, sizes, np.inf)


def fit_power_law(sizes: Sequence[float], errors: npt.ArrayLike) -> PowerLaws:
    """Fit each row of errors by least squares of relative errors.

    The exponent is searched on a grid, refined around the best; floor and scale follow by linear least squares, the
    floor cut off at 0. Weights are the inverse squares of the mean errors of all rows, so a resampled row is fitted as
    the measured one is.

    Args:
        sizes: numbers of examples `[s]`, at least 4 different ones.
        errors: `[k, s]`.
    """
    n, y = np.asarray(sizes, dtype=np.float64), np.atleast_2d(np.asarray(errors, dtype=np.float64))
    weights = np.maximum(y.mean(axis=0), _LEAST_ERROR) ** -2
    exponents = np.broadcast_to(_EXPONENTS, (len(y), len(_EXPONENTS)))
    factor = _EXPONENTS[1] / _EXPONENTS[0]
    best = _best(n, y, weights, exponents)
    for _ in range(_ZOOMS):
        near = best.exponent[:, None] * factor ** np.linspace(-1, 1, 11)
        best = _best(n, y, weights, np.clip(near, _EXPONENTS[0], _EXPONENTS[-1]))
        factor = factor**0.2
    return best


def _best(n: Floats, y: Floats, weights: Floats, exponents: Floats) -> PowerLaws:
    """For each row of y `[k, s]` the best of its exponents `[k, m]`."""
    # As shares of the smallest size, so that no power overflows.
    x = (n / n.min())[None, None] ** -exponents[..., None]
    total = weights.sum()
    x_mean = (weights * x).sum(axis=-1) / total
    y_mean = ((weights * y).sum(axis=-1) / total)[:, None]
    products = (weights * x * y[:, None]).sum(axis=-1) - total * x_mean * y_mean
    scale = products / np.maximum((weights * x**2).sum(axis=-1) - total * x_mean**2, 1e-300)
    floor = y_mean - scale * x_mean
    through_zero = (weights * x * y[:, None]).sum(axis=-1) / (weights * x**2).sum(axis=-1)
    scale = np.maximum(np.where(floor < 0, through_zero, scale), 0)
    floor = np.where(scale > 0, np.maximum(floor, 0), y_mean)
    loss = (weights * (floor[..., None] + scale[..., None] * x - y[:, None]) ** 2).sum(axis=-1)
    chosen = (np.arange(len(y)), loss.argmin(axis=-1))
    exponent = exponents[chosen]
    return PowerLaws(floor[chosen], scale[chosen] * n.min() ** exponent, exponent)
