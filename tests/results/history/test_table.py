"""The history as text and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from harness.contract.rows import Row, Status
from harness.results.history.series import Change, PastRun, Series, Sort
from harness.results.history.table import Reading, change_text, heading, history_json, history_table, notes
from harness.statistics.changes import Point, find_steps

READINGS = {("e", "accuracy"): Reading("max", "fraction"), ("e", "error_rate"): Reading("min", "fraction")}
RUNS = [PastRun(f"r{i}", f"2026-11-2{i}T00:00:00+00:00", {"torch": "2"}, ()) for i in range(6)]


def series(values: Sequence[float], metric: str = "accuracy", sort: Sort = "metric", **more: object) -> Series:
    row = Row("e", {"model": "m", "data": "d", "attack": "pgd"}, 0, Status.OK)
    ends = (0.05, 0.05) if sort == "metric" else (None, None)
    points = tuple(
        Point(f"r{i}", v, *(None if e is None else v + e * s for e, s in zip(ends, (-1, 1), strict=True)), 9, str(i))
        for i, v in enumerate(values)
    )
    steps = tuple(Change(step, ("torch",)) for step in find_steps(points))
    return Series(row, "k" * 64, metric, sort, points, steps, **more)  # type: ignore[arg-type]


FLAT, FALLEN = [0.9] * 6, [0.9, 0.9, 0.9, 0.9, 0.9, 0.8]


def test_a_line_for_each_series_those_with_steps_first() -> None:
    table = history_table([series(FLAT), series([*FALLEN[:-1], 0.8], "error_rate")], READINGS)
    assert table.constants == {"experiment": "e", "data": "d", "seed": "0"}
    assert list(table.columns) == [
        *("model", "attack", "metric", "key", "runs", "measured", "first", "last", "last change", "marks")
    ]
    stepped, flat = ([*line] for line in table.lines)
    assert stepped[2:9] == ["error rate ↓", "kkkkkkkk", "6", "6", "0.900", "0.800 [0.750, 0.850]", "−0.100"]
    assert stepped[9] == "step ↓ better −0.100 at r5 (changed besides: torch)"
    assert flat[2:] == ["accuracy ↑", "kkkkkkkk", "6", "6", "0.900", "0.900 [0.850, 0.950]", "0", ""]


@pytest.mark.parametrize(
    ("metric", "sort", "change", "words"),
    [
        ("accuracy", "metric", -0.1, "↓ worse"),
        ("accuracy", "metric", 0.1, "↑ better"),
        ("error_rate", "metric", 0.1, "↑ worse"),
        ("error_rate", "metric", -0.1, "↓ better"),
        ("unknown", "metric", 0.1, ""),
        ("seconds", "seconds", 0.1, "↑ slower"),
        ("seconds", "seconds", -0.1, "↓ faster"),
        ("passes", "cost", 0.1, "↑ more"),
        ("passes", "cost", -0.1, "↓ less"),
        ("accuracy", "metric", 0.0, ""),
    ],
)
def test_words_follow_the_direction(metric: str, sort: Sort, change: float, words: str) -> None:
    one = series(FLAT, metric, sort)
    reading = Reading("min") if sort != "metric" else READINGS.get(("e", metric), Reading())
    assert change_text(change, one, reading) == words


def test_a_metric_of_unknown_direction_has_no_arrow() -> None:
    assert heading(series(FLAT, "some_score"), READINGS) == "some score"
    (line,) = history_table([series(FALLEN, "some_score")], READINGS).lines
    assert line[-1] == "step −0.1 at r5 (changed besides: torch)"


def test_marks_name_the_latest_step_the_replaced_key_and_the_end() -> None:
    values = [0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.7]
    one = series(values, since="r0", instead_of="old" * 9, absent="failed in the last run")
    (line,) = history_table([one], READINGS).lines
    assert line[-1] == (
        "step ↓ worse −0.100 at r7 (changed besides: torch); 1 earlier; new series since r0: the key was oldoldol; "
        "failed in the last run"
    )
    assert any("starts a new series" in note for note in notes([one], RUNS))
    assert not any("starts a new series" in note for note in notes([series(FLAT)], RUNS))


def test_small_changes_are_not_rounded_away() -> None:
    (line,) = history_table([series([0.5, 0.50002])], READINGS).lines
    assert line[-2] == "+2e-05"


def test_a_narrow_terminal_spares_columns_and_says_so() -> None:
    table = history_table([series(FLAT)], READINGS)
    assert "measured" in table.terminal(500)
    narrow = table.terminal(70)
    assert max(map(len, narrow.splitlines()[:-1])) <= 70
    assert narrow.splitlines()[-1].startswith("(too narrow for key")
    assert "0.900 [0.850, 0.950]" in narrow


def test_notes_count() -> None:
    assert notes([series(FLAT), series(FALLEN)], RUNS) == [
        "6 finished runs from r0 to r5; 1 of 2 series have a step; they stand first"
    ]


def test_json_has_every_point_and_step() -> None:
    raw = json.loads(json.dumps(history_json("s", [series(FALLEN)], RUNS, READINGS)))
    assert [run["run"] for run in raw["runs"]] == ["r0", "r1", "r2", "r3", "r4", "r5"]
    (one,) = raw["series"]
    assert (one["direction"], one["n_measurements"], len(one["points"])) == ("max", 6, 6)
    (step,) = one["steps"]
    assert (step["after"]["run"], step["rule"], step["verdict"], step["noise"]) == ("r5", "noise", "↓ worse", 0.0)
    assert step["change"] == pytest.approx(-0.1)
    assert step["besides"] == ["torch"]
