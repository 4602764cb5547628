"""Passes and seconds of a sample."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.api import Estimate, Records
from harness_generative.metrics.cost import NFE, SecondsPerSample


def timed(seconds: list[float | None], batch: list[int]) -> Records:
    return Records.of({"id": [str(i) for i in range(len(batch))], "seconds": seconds, "batch": batch})


def test_nfe_is_a_mean_and_a_constant_is_certain() -> None:
    mixed = Records.of({"id": list("abc"), "nfe": [10.0, 20.0, 30.0]})
    assert NFE().estimate(mixed).value == 20.0
    assert NFE().per_example(mixed).tolist() == [10.0, 20.0, 30.0]
    constant = NFE().estimate(Records.of({"id": list("abcd"), "nfe": [35.0, 35.0, None, 35.0]}))
    assert (constant.value, constant.low, constant.high, constant.n_missing) == (35.0, 35.0, 35.0, 1)


def test_the_first_batch_is_warm_up() -> None:
    estimate = SecondsPerSample().estimate(timed([9.0, 9.0, 1.0, 1.0, 3.0, 3.0], [0, 0, 1, 1, 2, 2]))
    assert (estimate.value, estimate.n, estimate.method) == (2.0, 4, "student-t over 2 batches")


def test_equal_batches_give_the_t_interval_of_their_means() -> None:
    times = [5.0, 1.0, 1.2, 0.9, 1.4]
    records = timed(np.repeat(times, 3).tolist(), np.repeat(range(5), 3).tolist())
    estimate = SecondsPerSample().estimate(records)
    low, high = stats.t.interval(0.95, 3, loc=np.mean(times[1:]), scale=stats.sem(times[1:]))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((np.mean(times[1:]), low, high))


def test_a_batch_counts_by_its_size() -> None:
    estimate = SecondsPerSample().estimate(timed([9.0, 1.0, 1.0, 1.0, 5.0], [0, 1, 1, 1, 2]))
    assert estimate.value == pytest.approx((3 + 5) / 4)


def test_one_batch_has_no_interval() -> None:
    only = SecondsPerSample().estimate(timed([2.0, 2.0, None], [0, 0, 0]))
    assert only == Estimate(2.0, None, None, 0.95, "student-t over 1 batch", 2, 1)
    second = SecondsPerSample().estimate(timed([9.0, 2.0], [0, 1]))
    assert (second.value, second.low, second.n) == (2.0, None, 1)
    nothing = SecondsPerSample().estimate(timed([None, None], [0, 0]))
    assert (nothing.value, nothing.n_missing) == (None, 2)
