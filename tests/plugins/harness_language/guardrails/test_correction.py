"""The corrected share and its interval."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import brentq, minimize
from scipy.stats import binom

from harness.api import HarnessError
from harness_language.guardrails.correction import Quality, corrected


def test_value_by_hand() -> None:
    found = corrected(60, 100, Quality(45, 50, 40, 50))
    assert found.value == pytest.approx((0.6 + 0.8 - 1) / (0.9 + 0.8 - 1))
    assert found.low < found.value < found.high


def test_a_scorer_that_never_errs_leaves_the_interval_of_the_likelihood_ratio() -> None:
    found = corrected(30, 80, Quality(10**6, 10**6, 10**6, 10**6))

    def lacking(share: float) -> float:
        likelihoods = [binom.logpmf(30, 80, p) for p in (30 / 80, share)]
        return float(2 * (likelihoods[0] - likelihoods[1]) - 1.959964**2)

    ends = brentq(lacking, 0.1, 0.375), brentq(lacking, 0.375, 0.7)
    assert (found.value, found.low, found.high) == pytest.approx((0.375, *ends), abs=1e-4)


def test_the_ends_of_the_interval_are_as_unlikely_as_a_direct_search_finds_them() -> None:
    """SciPy's optimiser, over sensitivity and specificity, at the ends of the interval."""
    quality, picked, n = Quality(17, 20, 26, 30), 45, 90
    found = corrected(picked, n, quality)

    def likelihood(share: float, free: npt.NDArray[np.float64]) -> float:
        sensitivity, specificity = 1 / (1 + np.exp(-free))
        rate = share * sensitivity + (1 - share) * (1 - specificity)
        cases = ((picked, n, rate), (17, 20, sensitivity), (26, 30, specificity))
        return float(sum(binom.logpmf(k, m, p) for k, m, p in cases))

    best = -minimize(lambda free: -likelihood(found.value, free), [1.0, 1.0], method="Nelder-Mead").fun
    for end in (found.low, found.high):
        own = -minimize(lambda free, end=end: -likelihood(end, free), [1.0, 1.0], method="Nelder-Mead").fun
        assert 2 * (best - own) == pytest.approx(quality.critical_deviance(), rel=0.01)


def test_fewer_labels_widen_the_interval() -> None:
    few, many = (corrected(60, 100, Quality(9 * k, 10 * k, 8 * k, 10 * k)) for k in (2, 200))
    assert few.high - few.low > 1.5 * (many.high - many.low)
    assert few.value == pytest.approx(many.value)


@pytest.mark.parametrize("quality", [Quality(5, 10, 5, 10), Quality(2, 10, 3, 10)])
def test_no_better_than_chance_is_undefined(quality: Quality) -> None:
    found = corrected(5, 10, quality)
    assert found.value is None
    assert "no better than chance: sensitivity" in found.reason


def test_what_may_be_chance_is_cut_and_keeps_an_interval() -> None:
    """A little fewer are found than the scorer finds among the innocent, or a little more than it finds at all."""
    found = corrected(16, 100, Quality(90, 100, 80, 100))
    assert found.value == found.low == 0.0
    assert found.high > 0.02
    found = corrected(95, 100, Quality(90, 100, 80, 100))
    assert found.value == found.high == 1.0
    assert found.low < 0.98


@pytest.mark.parametrize(
    ("picked", "quality", "reason"),
    [
        (
            0,
            Quality(90, 100, 80, 100),
            r"picks 0\.000 of the answers, fewer than a specificity of 0\.800 allows \(80 of",
        ),
        (
            1000,
            Quality(50, 100, 100, 100),
            r"picks 1\.000 of the answers, more than a sensitivity of 0\.500 allows \(50 of",
        ),
        (485, Quality(23, 76, 368, 374), r"picks 0\.485 .* these labels do not fit these answers"),
    ],
)
def test_what_labels_do_not_allow_is_undefined(picked: int, quality: Quality, reason: str) -> None:
    found = corrected(picked, 1000, quality)
    assert (found.value, found.low, found.high) == (None, None, None)
    assert re.search(reason, found.reason)


def test_no_answers() -> None:
    assert corrected(0, 0, Quality(1, 1, 1, 1)).value is None


@pytest.mark.parametrize("counts", [(2, 1, 1, 1), (0, 0, 1, 1), (1, 1, -1, 1), (1, 1, 0, 0)])
def test_impossible_counts(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(HarnessError, match="true positives, positives, true negatives, negatives"):
        Quality(*counts)
