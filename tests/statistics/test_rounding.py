"""What rounding may take from the sum of probabilities, by the grid that the values lie on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch

from harness.statistics.rounding import sum_tolerance
from harness_uncertainty.metrics.probabilities import normalised_probabilities

Array = npt.NDArray[np.float64]


def distributions(classes: int, spread: float = 3.0, n: int = 200) -> Array:
    logits = np.random.default_rng(classes).normal(0, spread, (n, classes))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _half_softmax(values: Array) -> Array:
    """All operations of a softmax in half precision."""
    powers = values.astype(np.float16)
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float64)


STORED: dict[str, Callable[[Array], Array]] = {
    "float32": lambda values: values.astype(np.float32).astype(np.float64),
    "float16": lambda values: values.astype(np.float16).astype(np.float64),
    "computed in float16": _half_softmax,
    "bfloat16": lambda values: torch.tensor(values).bfloat16().double().numpy(),
    "6 decimals": lambda values: values.round(6),
    "5 decimals": lambda values: values.round(5),
    "4 decimals": lambda values: values.round(4),
    "4 decimals as float32": lambda values: values.round(4).astype(np.float32).astype(np.float64),
    "4 decimals as float16": lambda values: values.round(4).astype(np.float16).astype(np.float64),
    "3 decimals": lambda values: values.round(3),
    "3 decimals as float16": lambda values: values.round(3).astype(np.float16).astype(np.float64),
}


@pytest.mark.parametrize("classes", [2, 3, 10, 100, 1000])
@pytest.mark.parametrize("stored", STORED)
def test_what_storing_rounds_is_accepted(stored: str, classes: int) -> None:
    exact = distributions(classes)
    found = normalised_probabilities(STORED[stored](exact), [str(i) for i in range(len(exact))])
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-12
    assert np.abs(found - exact).max() < 0.07


def test_two_decimals_are_accepted_for_few_classes() -> None:
    exact = distributions(10)
    # Half a unit from rounding, and at most five per cent of the largest from the division.
    assert np.abs(normalised_probabilities(exact.round(2), ["x"] * 200) - exact).max() < 0.06


@pytest.mark.parametrize(
    ("values", "tolerance"),
    [
        ([[1 / 3, 2 / 3]], 1e-4),  # full precision
        ([[0.1234, 0.8766], [0.5, 0.5]], 1e-4),
        ([[0.1234, 0.2, 0.3, 0.3766]], 2e-4),  # half a unit of the fourth decimal for each of four classes
        ([[0.123, 0.877]], 1e-3),
        ([[0.12] * 8], 0.04),
        ([[1 / 512] * 512], 4 / 256),  # few bits
        ([[0.01] * 100], 0.1),  # at most a tenth of a row
    ],
)
def test_the_tolerance_is_half_a_unit_for_each_class(values: list[list[float]], tolerance: float) -> None:
    assert sum_tolerance(np.array(values)) == pytest.approx(tolerance, rel=1e-5)


def test_one_value_off_the_grid_leaves_full_precision() -> None:
    values = distributions(50).round(4)
    assert sum_tolerance(values) == pytest.approx(50 * 5e-5, rel=1e-5)
    values[-1, 0] = 1 / 7
    assert sum_tolerance(values) == pytest.approx(1e-4, rel=1e-5)
