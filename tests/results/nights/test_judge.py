"""The labels of a night: no alarm without a change, and none missed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from harness.contract.rows import Row, Status
from harness.results.comparison.compare import Side, compare
from harness.results.nights.judge import NIGHT, judge, quiet_run
from harness.store.run_folder import RunFolder
from simulated_nights import dropped, ease, night, outcomes, side

RIGHT = np.random.default_rng(5).random((3, 2000)) < 0.9


def test_at_most_one_night_in_twenty_without_a_change_raises_an_alarm() -> None:
    """200 nights of 8 rows of 2,000 examples, each measured with trainings of its own."""
    rng = np.random.default_rng(20260101)
    easy = ease(rng, 2000)
    nights = [outcomes(rng, easy, 8, noise=0.3) for _ in range(201)]
    alarms = sum(night(before, now).has_alarm for before, now in pairwise(nights))
    assert alarms <= 10


def test_a_drop_of_two_points_is_found_the_first_night() -> None:
    rng = np.random.default_rng(20260101)
    easy = ease(rng, 2000)
    for _ in range(20):
        before = outcomes(rng, easy, 8, noise=0.02)
        found = night(before, dropped(rng, outcomes(rng, easy, 8, noise=0.02), 3, 2.0))
        assert [row.name for row in found.rows if row.label == "regression"] == ["m3 on d, seed 0"]


def test_the_same_records_are_no_regression() -> None:
    found = night(RIGHT, RIGHT)
    assert (found.counts["no regression"], found.has_alarm, found.n_tests) == (3, False, 3)


def test_worse_alone_but_not_after_the_correction_is_suspicious() -> None:
    """Eight of eight differing examples are lost: p = 2/2^8 = .0078, three tests give .023; of ten tests .078."""
    rows = np.ones((10, 2000), dtype=bool)
    worse = rows.copy()
    worse[0, :8] = False
    assert night(rows[:3], worse[:3]).rows[0].label == "regression"
    found = night(rows, worse)
    assert (found.rows[0].label, found.rows[0].p, found.rows[0].p_holm) == ("suspicious", 2 / 2**8, 10 * 2 / 2**8)
    assert not found.has_alarm


def test_an_improvement_is_no_regression() -> None:
    assert night(dropped(np.random.default_rng(0), RIGHT, 1, 5.0), RIGHT).counts["no regression"] == 3


@pytest.mark.parametrize(("n", "label"), [(5, "insufficient data"), (6, "no regression")])
def test_so_few_examples_that_nothing_could_be_told_are_insufficient(n: int, label: str) -> None:
    """One test: 2/2^5 = .0625 is not below .05, 2/2^6 = .031 is."""
    right = np.ones((1, n), dtype=bool)
    assert [row.label for row in night(right, right).rows] == [label]


def changed(row: Row, **fields: object) -> Side:
    whole = side("now", RIGHT)
    return replace(whole, rows=[replace(row, **fields), *whole.rows[1:]])  # type: ignore[arg-type]


def test_a_row_that_is_lost_is_a_regression_and_one_of_other_data_is_suspicious() -> None:
    before = side("before", RIGHT)
    lost = judge(
        compare(before, changed(before.rows[0], status=Status.FAILED, reason="no GPU", estimates={})), "s", "r"
    )
    assert (lost.rows[0].label, lost.rows[0].reason) == ("regression", "failed in B: no GPU")
    data = {**before.rows[0].comparability, "data": {"digest": "other", "ids": "i", "n": 2000}}
    other = judge(compare(before, changed(before.rows[0], comparability=data)), "s", "r")
    assert other.rows[0].label == "suspicious"
    assert other.rows[0].reason.startswith("what must be equal differs: data.digest")


def test_a_night_that_regressed_or_was_stopped_is_no_baseline(tmp_path: Path) -> None:
    def made(name: str, status: str, *, alarm: bool | None = None) -> Path:
        (tmp_path / name).mkdir()
        RunFolder(tmp_path / name).write_about({"status": status})
        if alarm is not None:
            RunFolder(tmp_path / name).write_json(NIGHT, {"alarm": alarm})
        return tmp_path / name

    assert quiet_run(tmp_path) is None
    made("1", "finished")
    good = made("2", "finished", alarm=False)
    made("3", "finished", alarm=True)
    made("4", "interrupted")
    quiet = quiet_run(tmp_path)
    assert quiet is not None
    assert quiet.path == good
