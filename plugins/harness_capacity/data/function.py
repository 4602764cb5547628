"""A function of one or two numbers as data for regression: points to train on, a disjoint grid, points beyond."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Le

from harness.api import Examples
from harness_capacity.data.formulas import FORMULAS, Floats, Formula, Name

Split = Literal["train", "validation", "test", "outside"]
GRID = 1024
"""Cells of the test grid. Its points (2 j + 1) / 2048 lie on no training point k / (n - 1) while n - 1 < 2048."""


def function(
    name: Name,
    split: Split = "test",
    n: Annotated[int, Ge(4), Le(2 * GRID)] = 256,
    low: float | None = None,
    high: float | None = None,
    reach: Annotated[float, Gt(0)] = 1.0,
) -> Examples:
    """A known function without noise, for `regress`: sine, Runge's, step, square root, reciprocal, Franke's of two.

    Training points are spread evenly over the range, ends included. Test points are the middles of 1024 equal cells of
    it (32 x 32 in two dimensions), none of which is a training point, so the largest error there is not zero by
    construction. `sine` is sin(2 pi x) on [0, 1], `runge` 1 / (1 + 25 x^2) on [-1, 1], `step` jumps from 0 to 1 at 0.5,
    `square_root` on [0, 1], `reciprocal` 1 / x on [1, 2], `franke` on [0, 1]^2.

    Args:
        name: the function.
        split: `train`; `validation` and `test`, grids inside the range; `outside`, a grid of as many points above it.
        n: the number of training points; in two dimensions the next smaller square.
        low, high: the range of each coordinate, instead of the usual one.
        reach: how far `outside` goes beyond the upper end, in widths of the range.

    Raises:
        HarnessError: the function has a pole, or no value, somewhere in the range or, for `outside`, beyond it.
    """
    formula = FORMULAS[name]
    start = formula.low if low is None else low
    end = formula.high if high is None else high
    width = end - start
    formula.check_range(name, start, end + reach * width if split == "outside" else end)
    points = start + width * _shares(formula, split, n, reach)
    # The values are those at the inputs as models are given them, so that rounding is no error of the model.
    inputs = points.astype(np.float32)
    return Examples(
        ids=[f"{name}-{split}-{i:04d}" for i in range(len(points))],
        columns={"inputs": inputs, "targets": formula.value(inputs.astype(np.float64))},
        facts={"unit": "", "function": {"name": name, "low": start, "high": end}},
    )


def _shares(formula: Formula, split: Split, n: int, reach: float) -> Floats:
    """The points `[m, dimensions]` in widths of the range from its lower end."""
    one = formula.dimensions == 1
    if split == "train":
        return _grid(np.linspace(0, 1, n if one else int(np.sqrt(n))), formula.dimensions)
    cells = GRID if one else int(np.sqrt(GRID))
    # Half the cells, twice as many: their middles lie on no point of the test grid either.
    middles = _middles(2 * cells if split == "validation" else cells)
    return _grid(1 + reach * middles if split == "outside" else middles, formula.dimensions)


def _middles(cells: int) -> Floats:
    return (np.arange(cells) + 0.5) / cells


def _grid(axis: Floats, dimensions: int) -> Floats:
    """All points whose coordinates are on the axis, `[len(axis) ** dimensions, dimensions]`."""
    return np.stack(np.meshgrid(*[axis] * dimensions, indexing="ij"), axis=-1).reshape(-1, dimensions)
