"""The smallest gap that would be found: by simulation of the test, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from fairness_records import table
from harness_fairness.metrics.power import MinimumDetectableGap, detectable_gap


@pytest.mark.parametrize(("n1", "n2", "share"), [(200, 200, 0.1), (50, 1000, 0.3), (400, 400, 0.9)])
def test_the_gap_is_found_as_often_as_promised(n1: int, n2: int, share: float) -> None:
    gap = detectable_gap(n1, n2, share, alpha=0.05, power=0.8)
    assert gap is not None
    other = share + gap if share <= 0.5 else share - gap
    rng, draws = np.random.default_rng(n1), 20_000
    one, two = rng.binomial(n1, other, draws) / n1, rng.binomial(n2, share, draws) / n2
    pooled = (n1 * one + n2 * two) / (n1 + n2)
    z = (one - two) / np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    assert np.mean(np.abs(z) > 1.959964) == pytest.approx(0.8, abs=0.02)


def test_more_examples_resolve_smaller_gaps() -> None:
    gaps = [detectable_gap(n, n, 0.2, alpha=0.05, power=0.8) or 1.0 for n in (20, 80, 320, 1280)]
    assert gaps == sorted(gaps, reverse=True)
    # The gap shrinks with the square root of n: 16 times the examples, about a quarter of the gap.
    assert gaps[3] / gaps[1] == pytest.approx(0.25, abs=0.03)


def test_the_smallest_group_by_default_and_its_tests_counted() -> None:
    some = table(a=(100, 20, 20, 100), b=(30, 5, 5, 30), c=(100, 20, 20, 100))
    estimate = MinimumDetectableGap("g").estimate(some)
    assert estimate.reason == "for b (n = 70) against 480 others, 3 tests"
    assert estimate.value == detectable_gap(70, 480, 90 / 550, alpha=0.05 / 3, power=0.8)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < (estimate.value or 0) < estimate.high
    larger = MinimumDetectableGap("g", member="a").estimate(some)
    assert (larger.value or 1) < (estimate.value or 0)


def test_with_one_example_nothing_can_be_found() -> None:
    estimate = MinimumDetectableGap("g").estimate(table(a=(50, 50, 50, 50), lonely=(1, 0, 0, 0)))
    assert estimate.value is None
    assert estimate.reason == "with 1 examples of 'lonely' no gap would be found with power 0.8"
    undefined = MinimumDetectableGap("g", rate="fnr").estimate(table(a=(5, 5, 5, 5), c=(5, 0, 0, 0)))
    assert undefined.reason == "no example of 'c' whose label is positive: fnr is undefined"
