"""Simulated verification: what it holds, its declared rates, and that the metrics find them."""

from __future__ import annotations

import numpy as np
import pytest

from harness.api import InvalidOutput, Records
from harness_fairness.data.verification_trials import verification_trials
from harness_fairness.metrics.verification import FalseMatchRate, FalseMatchRatio, FalseNonMatchRate


def _records(seed: int = 0, **declared: float) -> Records:
    data = verification_trials(seed=seed, **declared)  # type: ignore[arg-type]
    columns = {**data.columns, "score": data.columns["scores"], "group.group": data.groups["group"]}
    return Records.of({"id": data.ids, **columns}, threshold=0.0)


def test_every_two_identities_of_a_group_meet_once() -> None:
    data = verification_trials(identities=5)
    genuine = np.asarray(data.columns["genuine"])
    assert (len(data.ids), len(set(data.ids)), int(genuine.sum())) == (30, 30, 10)
    pairs = list(zip(data.columns["first"], data.columns["second"], genuine, strict=True))
    assert all((first == second) == bool(same) for first, second, same in pairs)
    assert all(first[0] == second[0] for first, second, _ in pairs), "no trial joins two groups"
    assert verification_trials(identities=5).columns["scores"].tolist() == data.columns["scores"].tolist()


def test_the_rates_are_those_declared() -> None:
    """In the mean over 30 draws, whose standard errors are about .0005, .002 and .003."""
    draws = [_records(seed, identities=60, fmr=0.02, ratio=4.0, fnmr=0.1) for seed in range(30)]
    of = {name: [each.where(each["group.group"] == name) for each in draws] for name in "ab"}
    rates = {name: np.mean([FalseMatchRate().estimate(each).value for each in parts]) for name, parts in of.items()}
    misses = np.mean([FalseNonMatchRate().estimate(each).value for each in draws])
    assert rates["a"] == pytest.approx(0.02, abs=0.002)
    assert rates["b"] == pytest.approx(0.08, abs=0.008)
    assert misses == pytest.approx(0.1, abs=0.012)


def test_the_ratio_is_covered_if_identities_are_counted() -> None:
    """Nominal 95 %; that of independent pairs misses the truth far more often."""
    draws = [_records(seed) for seed in range(40)]
    counted = [FalseMatchRatio("group", "b", "a", clusters=["first", "second"]).estimate(each) for each in draws]
    naive = [FalseMatchRatio("group", "b", "a").estimate(each) for each in draws]
    covered = [sum(each.low <= 7 <= each.high for each in found) for found in (counted, naive)]  # type: ignore[operator]
    assert covered[0] >= 35
    assert covered[1] <= 32


def test_a_rate_above_one_is_refused() -> None:
    with pytest.raises(InvalidOutput, match=r"0\.2 times 7 is 1\.4; it must be below 1"):
        verification_trials(fmr=0.2)
