"""How far the sum of class probabilities may be from 1 because of the precision in which they were stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST_LOST_TO_ROUNDING = 0.1
"""The share of a row that rounding may take; what has lost more is no distribution any more."""
_FULL_PRECISION = 1e-4
"""The tolerance of what is on no coarse grid."""
_SIGNIFICANDS = (8, 11)
"""Bits of bfloat16 and of float16."""
_DECIMALS = (2, 3, 4, 5, 6)
_OPERATIONS = 4
"""A softmax in low precision rounds its powers, their sum and the quotient, not only what is stored."""
_ROWS_AT_ONCE = 4096


def sum_tolerance(values: Floats, most: float = MOST_LOST_TO_ROUNDING) -> float:
    """How far rows `[n, classes]` may sum from 1: what rounding to the coarsest grid that holds all values explains.

    Half a unit for each class where all values have few decimals, since small ones may all be rounded down; a few
    roundings of the whole where they have the few bits of half precision.

    Args:
        values: the rows.
        most: the share of a row beyond which nothing is explained by rounding.
    """
    bits = _first_that_holds(values, _SIGNIFICANDS, _has_bits)
    decimals = _first_that_holds(values, _DECIMALS, _has_decimals if bits is None else _has_decimals_in_half)
    binary = 0.0 if bits is None else _OPERATIONS * 2.0**-bits
    decimal = 0.0 if decimals is None else values.shape[1] * 0.5 * 10.0**-decimals
    # Sums are rounded as well.
    return min(most, max(_FULL_PRECISION, binary, decimal)) * (1 + 1e-6)


def _first_that_holds(
    values: Floats, grids: Sequence[int], holds: Callable[[Floats, int], npt.NDArray[np.bool_]]
) -> int | None:
    parts = range(0, len(values), _ROWS_AT_ONCE)
    return next((g for g in grids if all(holds(values[i : i + _ROWS_AT_ONCE], g).all() for i in parts)), None)


def _has_bits(values: Floats, bits: int) -> npt.NDArray[np.bool_]:
    significands = np.ldexp(np.frexp(values)[0], bits)
    return np.asarray(significands == np.rint(significands))


def _has_decimals(values: Floats, decimals: int) -> npt.NDArray[np.bool_]:
    with np.errstate(over="ignore"):
        units = np.where(np.isfinite(values), values, 0.5) * 10.0**decimals
    # As near as float32 keeps a number of so many decimals.
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(units - np.rint(units)) <= 1e-7 * np.maximum(np.abs(units), 1))


def _has_decimals_in_half(values: Floats, decimals: int) -> npt.NDArray[np.bool_]:
    """Whether values of few decimals are what was stored in half precision, which keeps few of them exactly."""
    with np.errstate(over="ignore"):
        return np.asarray((np.round(values, decimals).astype(np.float16) == values) | _has_decimals(values, decimals))
