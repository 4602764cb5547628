"""Power laws of learning curves against SciPy, and a real curve from a suite."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import curve_fit

from harness import Run
from harness_capacity.comparisons.power_law import fit_power_law

SIZES = np.array([10, 20, 50, 100, 200, 500, 1000], dtype=float)


@pytest.mark.parametrize("seed", range(5))
def test_the_fit_is_that_of_scipy(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.05, len(SIZES))
    errors = (0.04 + 1.8 * SIZES**-0.6) * np.exp(noise)

    def law(n: np.ndarray, floor: float, scale: float, exponent: float) -> np.ndarray:
        return floor + scale * n**-exponent

    bounds = ([0, 0, 0.05], [1, 10, 4])
    expected, _ = curve_fit(law, SIZES, errors, (0.05, 1, 0.5), sigma=errors, bounds=bounds)
    found = fit_power_law(SIZES.tolist(), errors)
    assert found.at(SIZES[3])[0] == pytest.approx(law(SIZES[3], *expected), rel=1e-3)
    assert (found.floor[0], found.exponent[0]) == pytest.approx((expected[0], expected[2]), abs=2e-3)


SUITE = """
suite: hunger
task: classify
data:
  - use: subset
    as: digits
    with: {dataset: {use: digits, with: {split: train}}, test: digits, split: test}
    sweep: {n: [10, 50, 200, 1000], draw: [0, 1]}
models: [{use: structured_net, as: MLP, with: {width: 64, steps: 300}}]
metrics: [accuracy]
aggregates: [learning_curve]
"""


def test_digits_need_about_a_hundred_examples(run: Callable[..., Run]) -> None:
    """Every size trains a network of its own, and all are tested on the same 360 images."""
    *cells, curve = run(SUITE).rows
    assert [row.status for row in (*cells, curve)] == ["ok"] * 9
    assert {row.n for row in cells} == {360}
    assert len({row.key for row in cells}) == 1
    values = [float(row.estimates["accuracy"].value or 0) for row in cells]
    few, many = values[:2], values[-2:]
    assert max(few) < 0.8
    assert min(many) > 0.92
    needed = curve.estimates["n_needed"].value
    assert needed is not None
    assert 40 < needed < 300
