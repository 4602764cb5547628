"""Functions as data: grids that share no point, values by hand, ranges that cannot be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness import Run
from harness.api import HarnessError
from harness_capacity.data.function import function


def points(**how: object) -> np.ndarray:
    return np.asarray(function(**how).columns["inputs"])  # type: ignore[arg-type]


@given(n=st.integers(4, 2048))
@example(n=513)
@example(n=2048)
def test_no_test_point_is_a_training_point(n: int) -> None:
    training, test = points(name="sine", split="train", n=n), points(name="sine")
    assert len(training) == n
    assert (training.min(), training.max()) == (0.0, 1.0)
    assert not np.intersect1d(training, test).size
    validation = points(name="sine", split="validation")
    assert not np.intersect1d(training, validation).size
    assert not np.intersect1d(test, validation).size


def test_two_dimensions_are_a_square_grid() -> None:
    training = points(name="franke", split="train", n=50)
    assert training.shape == (49, 2)
    assert points(name="franke").shape == (1024, 2)
    rows = {tuple(row) for row in training.tolist()}
    assert not rows & {tuple(row) for row in points(name="franke").tolist()}


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [
        ("sine", [0.25], 1.0),
        ("runge", [0.2], 0.5),
        ("step", [0.5], 1.0),
        ("step", [0.25], 0.0),
        ("square_root", [0.25], 0.5),
        ("reciprocal", [2.0], 0.5),
        # Franke 1979 by hand: .75 e^(-2) + .75 e^(-1/49 - 1/10) + .5 e^(-(49 + 9)/4) - .2 e^(-(16 + 49))
        ("franke", [0.0, 0.0], 0.75 * np.exp(-2) + 0.75 * np.exp(-1 / 49 - 0.1) + 0.5 * np.exp(-14.5)),
    ],
)
def test_values_by_hand(name: str, at: list[float], value: float) -> None:
    from harness_capacity.data.formulas import FORMULAS

    assert FORMULAS[name].value(np.array([at]))[0] == pytest.approx(value, abs=1e-12)


def test_targets_are_the_values_at_the_inputs_in_float32() -> None:
    made = function("sine", low=0.1, high=0.9)
    inputs = np.asarray(made.columns["inputs"], dtype=np.float64)[:, 0]
    assert np.array_equal(made.columns["targets"], np.sin(2 * np.pi * inputs))
    assert made.facts["function"] == {"name": "sine", "low": 0.1, "high": 0.9}


def test_outside_begins_where_the_range_ends() -> None:
    outside = points(name="runge", split="outside", reach=0.5)
    assert outside.min() > 1.0
    assert outside.max() < 2.0
    assert outside.max() == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"name": "reciprocal", "low": -1.0}, r"pole at 0, inside the range from -1 to 2.*on one side of the pole"),
        ({"name": "reciprocal", "low": -2.0, "high": -1.0, "split": "outside"}, "pole at 0, inside the range from -2"),
        ({"name": "square_root", "low": -0.5}, "no value below 0; the range begins at -0.5"),
        ({"name": "sine", "low": 2.0}, "`low` is 2, which must be below `high`, 1"),
    ],
)
def test_ranges_on_which_the_function_has_no_bounded_value(how: dict[str, object], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        function(**how)  # type: ignore[arg-type]


def test_training_on_one_side_of_a_pole_is_fine() -> None:
    assert np.isfinite(function("reciprocal", low=-2.0, high=-1.0).columns["targets"]).all()


SUITE = """
suite: pole
task: regress
data:
  - {use: function, as: split in two, with: {name: reciprocal, low: -1}}
  - {use: function, as: one side, with: {name: reciprocal}}
models: [{use: least_squares, with: {features: linear}}]
metrics: [sup_error]
"""


def test_a_pole_is_the_reason_of_its_own_cell_only(run: Callable[..., Run]) -> None:
    bad, good = run(SUITE).rows
    assert (bad.status, good.status) == ("failed", "ok")
    assert bad.reason.startswith("function reciprocal has a pole at 0")
