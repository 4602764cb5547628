"""Mean corruption error: by hand, and its interval by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from harness_uncertainty.metrics.corruption_error import (
    Mistakes,
    NoCorruptionError,
    error_against,
    mean_corruption_error,
    mean_error,
)

OWN = [[0.9, 0.7], [0.6, 0.4]]
BASE = [[0.8, 0.6], [0.2, 0.2]]


def test_by_hand() -> None:
    """Errors .1 .3 and .4 .6 against .2 .4 and .8 .8."""
    assert mean_corruption_error(OWN) == pytest.approx(0.35)
    assert mean_corruption_error(OWN, BASE) == pytest.approx((0.4 / 0.6 + 1.0 / 1.6) / 2)
    assert mean_corruption_error(BASE, BASE) == pytest.approx(1)
    # Beyond the clean error of .05 and .1: .05 .25 and .35 .55 against .1 .3 and .7 .7.
    relative = mean_corruption_error(OWN, BASE, clean=0.95, baseline_clean=0.9)
    assert relative == pytest.approx((0.3 / 0.4 + 0.9 / 1.4) / 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.5, 0.5],), "a table of kinds and severities"),
        (([[0.5, float("nan")]],), "missing or outside"),
        (([[0.5, 1.5]],), "missing or outside"),
        ((OWN, [[0.5, 0.5]]), r"a table of \(2, 2\) beside a baseline of \(1, 2\)"),
    ],
)
def test_tables_that_are_none(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mean_corruption_error(*arguments)  # type: ignore[arg-type]


def test_a_baseline_without_errors_divides_nothing() -> None:
    with pytest.raises(NoCorruptionError, match="loses nothing under 1 of 2 kinds"):
        mean_corruption_error(OWN, [[1.0, 1.0], [0.5, 0.5]])
    with pytest.raises(ValueError, match="needs the clean accuracy of both"):
        mean_corruption_error(OWN, BASE, clean=0.9)
    with pytest.raises(ValueError, match="needs a baseline"):
        mean_corruption_error(OWN, clean=0.9)
    right = Mistakes(np.zeros((4, 2, 3)))
    assert "loses nothing under 2 of 2" in error_against(right, right).reason


def world(rng: np.random.Generator, n: int) -> tuple[Mistakes, Mistakes]:
    """Two models that find the same examples hard, three kinds, two severities, and the examples without corruption."""
    hardness = rng.normal(size=(n, 1, 1))
    levels = np.array([[0.2, 0.6], [0.5, 1.0], [-0.2, 0.1]])
    own, base = (
        (hardness + 0.7 * rng.normal(size=(n, 3, 2)) + levels + shift > 1.2).astype(float) for shift in (0.0, 0.4)
    )
    clean = [(hardness[:, 0, 0] + 0.7 * rng.normal(size=n) > t).astype(float) for t in (1.9, 1.6)]
    return Mistakes(own, clean[0]), Mistakes(base, clean[1])


def test_estimates_are_those_of_the_tables() -> None:
    own, base = world(np.random.default_rng(0), 300)
    tables = [1 - one.corrupted.mean(axis=0) for one in (own, base)]
    clean = [float(1 - one.clean.mean()) for one in (own, base) if one.clean is not None]
    assert mean_error(own).value == pytest.approx(mean_corruption_error(tables[0]))
    assert error_against(own, base).value == pytest.approx(mean_corruption_error(*tables))
    relative = mean_corruption_error(*tables, clean=clean[0], baseline_clean=clean[1])
    assert error_against(own, base, relative=True).value == pytest.approx(relative)
    itself = error_against(base, base)
    assert (itself.value, itself.low, itself.high) == pytest.approx((1, 1, 1))


def test_intervals_cover() -> None:
    """In 1,500 worlds of 150 examples; the truth is that of 400,000. The standard error of a share is .006."""
    rng = np.random.default_rng(1)
    own, base = world(rng, 400_000)
    truths = [mean_error(own).value, error_against(own, base).value, error_against(own, base, relative=True).value]
    inside = np.zeros(3)
    for _ in range(1500):
        own, base = world(rng, 150)
        found = [mean_error(own), error_against(own, base), error_against(own, base, relative=True)]
        inside += [e.low <= truth <= e.high for e, truth in zip(found, truths, strict=True)]  # type: ignore[operator]
    assert np.all(inside / 1500 >= 0.93), inside / 1500
    assert np.all(inside / 1500 <= 0.97), inside / 1500


def test_no_mistake_at_all_still_has_an_interval() -> None:
    found = mean_error(Mistakes(np.zeros((50, 3, 5))))
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(1.96**2 / (50 + 1.96**2), abs=1e-3)
    assert mean_error(Mistakes(np.zeros((0, 3, 5)))).value is None
