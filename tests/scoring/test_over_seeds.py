"""Mean and spread over seeds."""

from __future__ import annotations

import pytest
from scipy import stats

from harness.api import Estimate, MeasuredCell, Records, Row, Status
from harness.scoring.over_seeds import OverSeeds


def cell(
    seed: int,
    value: float | None,
    status: Status = Status.OK,
    model: str = "gan",
    reach: tuple[float, float] | None = None,
) -> MeasuredCell:
    ends = (None, None) if value is None or reach is None else (value - reach[0], value + reach[1])
    estimate = Estimate.undefined("too few") if value is None else Estimate(value, *ends, 0.95, "m", 9)
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


def test_two_seeds_have_no_interval() -> None:
    for row in OverSeeds().rows([cell(seed, value) for seed, value in enumerate([0.2, 0.4])]):
        found = row.estimates["recall"]
        assert found.value is not None
        assert (found.low, found.high) == (None, None)
        assert "too few for an interval: 2 seeds" in found.reason


def test_equal_values_have_no_spread() -> None:
    mean, spread = OverSeeds().rows([cell(seed, 0.3) for seed in range(3)])
    found = mean.estimates["recall"]
    assert (found.value, found.low, found.high) == (0.3, None, None)
    assert "all values are equal" in found.reason
    assert spread.estimates["recall"].value is None
    assert "all values are equal" in spread.estimates["recall"].reason


def test_what_the_seeds_leave_open_themselves_is_added() -> None:
    """Student's t and the mean reach within seeds, in squares, on either side by itself."""
    values, within = [0.2, 0.5, 0.6], [(0.1, 0.05), (0.2, 0.1), (0.3, 0.3)]
    cells = [cell(seed, value, reach=reach) for seed, (value, reach) in enumerate(zip(values, within, strict=True))]
    found = next(iter(OverSeeds().rows(cells))).estimates["recall"]
    low, high = stats.t.interval(0.95, 2, loc=0, scale=stats.sem(values))
    assert found.low == pytest.approx(13 / 30 - (low**2 + 0.2**2) ** 0.5)
    assert found.high == pytest.approx(13 / 30 + (high**2 + 0.15**2) ** 0.5)
    assert found.method == "student-t and within seeds, if seeds vary alike"


def test_equal_values_keep_the_interval_that_each_has() -> None:
    """No copies in any of three seeds of 719 samples is no proof that there are none."""
    cells = [cell(seed, 0.0, reach=(0.0, 0.005)) for seed in range(3)]
    found = next(iter(OverSeeds().rows(cells))).estimates["recall"]
    assert (found.value, found.low, found.high) == pytest.approx((0.0, 0.0, 0.005))
    assert found.method == "within seeds, if seeds vary alike"


def test_one_seed_without_an_interval_leaves_that_between_seeds() -> None:
    cells = [cell(0, 0.2), *(cell(seed, 0.2 + seed / 10, reach=(0.1, 0.1)) for seed in (1, 2))]
    found = next(iter(OverSeeds().rows(cells))).estimates["recall"]
    assert (found.low, found.high) == pytest.approx(
        stats.t.interval(0.95, 2, loc=0.3, scale=stats.sem([0.2, 0.3, 0.4]))
    )


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
