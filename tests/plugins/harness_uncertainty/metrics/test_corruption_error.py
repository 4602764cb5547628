"""Mean corruption error: by hand, and its interval by simulation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from harness_uncertainty.metrics.corruption_error import (
    Mistakes,
    error_against,
    mean_error,
)

OWN = [[0.9, 0.7], [0.6, 0.4]]
BASE = [[0.8, 0.6], [0.2, 0.2]]


def mistakes(accuracies: npt.ArrayLike, clean: float | None = None) -> Mistakes:
    """A table of accuracies as the mistakes of one example, which is wrong in part."""
    return Mistakes(1 - np.array([accuracies]), None if clean is None else np.array([1 - clean]))


def test_by_hand() -> None:
    """Errors .1 .3 and .4 .6 against .2 .4 and .8 .8."""
    assert mean_error(mistakes(OWN)).value == pytest.approx(0.35)
    assert error_against(mistakes(OWN), mistakes(BASE)).value == pytest.approx((0.4 / 0.6 + 1.0 / 1.6) / 2)
    assert error_against(mistakes(BASE), mistakes(BASE)).value == pytest.approx(1)
    # Beyond the clean error of .05 and .1: .05 .25 and .35 .55 against .1 .3 and .7 .7.
    relative = error_against(mistakes(OWN, 0.95), mistakes(BASE, 0.9), relative=True)
    assert relative.value == pytest.approx((0.3 / 0.4 + 0.9 / 1.4) / 2)


def test_a_baseline_without_errors_divides_nothing() -> None:
    perfect = error_against(mistakes(OWN), mistakes([[1.0, 1.0], [0.5, 0.5]]))
    assert perfect.value is None
    assert "loses nothing under 1 of 2 kinds" in perfect.reason
    for own, base in ((mistakes(OWN, 0.9), mistakes(BASE)), (mistakes(OWN), mistakes(BASE, 0.9))):
        with pytest.raises(ValueError, match="the error on clean data is not known"):
            error_against(own, base, relative=True)
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
    errors, others = (one.corrupted.mean(axis=(0, 2)) for one in (own, base))
    clean, other_clean = (float(one.clean.mean()) for one in (own, base) if one.clean is not None)
    assert mean_error(own).value == pytest.approx(errors.mean())
    assert error_against(own, base).value == pytest.approx((errors / others).mean())
    relative = ((errors - clean) / (others - other_clean)).mean()
    assert error_against(own, base, relative=True).value == pytest.approx(relative)
    itself = error_against(base, base)
    assert itself.value == pytest.approx(1)
    # Nothing varies, so nothing is known of how much it might.
    assert (itself.low, itself.high) == (None, None)


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
