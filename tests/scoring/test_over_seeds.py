"""Mean and spread over seeds."""

from __future__ import annotations

import pytest
from scipy import stats

from harness.api import Estimate, MeasuredCell, Records, Row, Status
from harness.scoring.over_seeds import OverSeeds


def cell(seed: int, value: float | None, status: Status = Status.OK, model: str = "gan") -> MeasuredCell:
    estimate = Estimate.undefined("too few") if value is None else Estimate(value, None, None, 0.95, "m", 9)
    row = Row(
        "e",
        {"model": model, "sampler": "one_shot"},
        seed,
        status,
        estimates={"recall": estimate} if status is Status.OK else {},
        n=9,
        comparability={"task": {}, "data": {}, "protocol": {"n_generated": 9}},
    )
    return MeasuredCell(row, "", lambda: Records.of({"id": ["a"]}))


def test_mean_and_spread_with_their_intervals() -> None:
    values = [0.2, 0.5, 0.6]
    mean, spread = OverSeeds().rows([cell(seed, value) for seed, value in enumerate(values)])
    assert mean.labels == {"model": "gan (mean of 3 seeds)", "sampler": "one_shot"}
    found = mean.estimates["recall"]
    expected = stats.t.interval(0.95, 2, loc=13 / 30, scale=stats.sem(values))
    assert (found.value, found.low, found.high) == pytest.approx((13 / 30, *expected))
    assert found.method == "student-t, if seeds vary alike"
    sd = stats.tstd(values)
    found = spread.estimates["recall"]
    assert found.value == pytest.approx(sd)
    assert found.low == pytest.approx(sd * (2 / stats.chi2.ppf(0.975, 2)) ** 0.5)
    assert found.high == pytest.approx(sd * (2 / stats.chi2.ppf(0.025, 2)) ** 0.5)
    assert mean.key != spread.key != ""


def test_rows_say_their_seeds() -> None:
    for seeds, text in (([0, 1, 2], "0-2"), ([3, 0, 1], "0, 1, 3"), ([4, 5], "4, 5")):
        assert {row.seeds for row in OverSeeds().rows([cell(seed, seed / 10) for seed in seeds])} == {text}


def test_two_seeds_and_equal_ones_have_no_interval() -> None:
    for values, why in (([0.2, 0.4], "too few for an interval: 2 seeds"), ([0.3] * 3, "all values are equal")):
        for row in OverSeeds().rows([cell(seed, value) for seed, value in enumerate(values)]):
            found = row.estimates["recall"]
            assert found.value is not None
            assert (found.low, found.high) == (None, None)
            assert why in found.reason


def test_seeds_without_a_number_are_counted() -> None:
    cells = [cell(0, 0.2), cell(1, 0.4), cell(2, None), cell(3, None, Status.INVALID)]
    mean, _ = OverSeeds().rows(cells)
    found = mean.estimates["recall"]
    assert (found.value, found.n, found.n_missing) == (pytest.approx(0.3), 2, 2)
    mean, _ = OverSeeds().rows(cells[1:])
    assert mean.estimates["recall"].value is None
    assert "1 of 3 seeds" in mean.estimates["recall"].reason


def test_one_seed_has_no_spread_and_all_broken_is_said() -> None:
    assert list(OverSeeds().rows([cell(0, 0.2), cell(0, 0.3, model="vae")])) == []
    broken = [cell(seed, None, Status.FAILED) for seed in range(2)]
    assert {row.status for row in OverSeeds().rows(broken)} == {Status.INVALID}
