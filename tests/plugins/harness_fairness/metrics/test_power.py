"""The smallest gap that would be found: by simulation of the test, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from fairness_records import table
from harness.api import gap_of_rates
from harness_fairness.metrics.power import MinimumDetectableGap, detectable_gap


@pytest.mark.parametrize(
    ("trials", "index", "share"), [([200, 200], 0, 0.1), ([60, 1000, 10, 10], 0, 0.3), ([100] * 6, 2, 0.9)]
)
def test_the_gap_is_found_as_often_as_promised(trials: list[int], index: int, share: float) -> None:
    """By the p-value that the metric of the gap prints."""
    sizes = np.array(trials)
    gap = detectable_gap(sizes, index, share, alpha=0.05, power=0.8)
    assert gap is not None
    shares = np.full(len(sizes), share)
    shares[index] += gap if share <= 0.5 else -gap
    rng, draws = np.random.default_rng(1), 300
    found = [gap_of_rates([(rng.binomial(sizes, shares), sizes)]).p <= 0.05 for _ in range(draws)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.013 + 3 * (0.16 / draws) ** 0.5)


def test_more_examples_resolve_smaller_gaps() -> None:
    gaps = [detectable_gap(np.array([n, n]), 0, 0.2, alpha=0.05, power=0.8) or 1.0 for n in (20, 80, 320, 1280)]
    assert gaps == sorted(gaps, reverse=True)
    # The gap shrinks with the square root of n: 16 times the examples, about a quarter of the gap.
    assert gaps[3] / gaps[1] == pytest.approx(0.25, abs=0.04)
    assert detectable_gap(np.array([80, 80]), 0, 0.2, alpha=1e-4, power=0.8) is None, "1,999 permutations are too few"


def test_the_smallest_group_by_default() -> None:
    some = table(a=(100, 20, 20, 100), b=(30, 5, 5, 30), c=(100, 20, 20, 100))
    estimate = MinimumDetectableGap("g").estimate(some)
    assert estimate.reason == "for b (n = 70) against 480 others in 2 groups"
    assert estimate.value == detectable_gap(np.array([240, 70, 240]), 1, 90 / 550, alpha=0.05, power=0.8)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low <= (estimate.value or 0) <= estimate.high
    larger = MinimumDetectableGap("g", member="a").estimate(some)
    assert (larger.value or 1) < (estimate.value or 0)


def test_with_one_example_nothing_can_be_found() -> None:
    estimate = MinimumDetectableGap("g").estimate(table(a=(50, 50, 50, 50), lonely=(1, 0, 0, 0)))
    assert estimate.value is None
    assert estimate.reason == "with 1 examples of 'lonely' no gap would be found with power 0.8"
    undefined = MinimumDetectableGap("g", rate="fnr").estimate(table(a=(5, 5, 5, 5), c=(5, 0, 0, 0)))
    assert undefined.reason == "no example of 'c' whose label is positive: fnr is undefined"
