"""The picture of a history: it is drawn, and what does not fit is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from harness.contract.errors import UsageError
from harness.contract.rows import Row, Status
from harness.results.history.plot import MAX_LINES, MAX_PANELS, LeftOut, draw_history
from harness.results.history.series import Change, PastRun, Series
from harness.results.history.table import Reading
from harness.statistics.changes import Point, find_steps

RUNS = [PastRun(f"r{i}", f"2026-11-2{i}T08:30:00+00:00", {}, ()) for i in range(6)]
READINGS = {("e", "accuracy"): Reading("max", "fraction")}


def series(model: str, attack: str, last: float, metric: str = "accuracy") -> Series:
    values = [0.9] * 5 + [last]
    points = tuple(Point(f"r{i}", v, v - 0.05, v + 0.05, 9, str(i)) for i, v in enumerate(values))
    row = Row("e", {"model": model, "attack": attack}, 0, Status.OK)
    return Series(row, "key", metric, "metric", points, tuple(Change(step) for step in find_steps(points)))


def test_lines_bands_and_steps_are_drawn(tmp_path: Path) -> None:
    found = [series("a", "pgd eps=0.1", 0.5), series("a", "pgd eps=0.2", 0.7), series("b", "pgd eps=0.1", 0.9)]
    assert draw_history(found, RUNS, READINGS, tmp_path / "history.png") == LeftOut()
    drawn = np.rint(imread(tmp_path / "history.png")[..., :3] * 255).astype(int)
    assert drawn.shape[1] > drawn.shape[0] > 200
    blue = (np.abs(drawn - np.array([0x00, 0x72, 0xB2])).sum(axis=2) < 12).sum()
    assert blue > 500
    flat = tmp_path / "flat.png"
    draw_history([series("a", "pgd eps=0.1", 0.9)], RUNS, READINGS, flat)
    # Both are as wide as a page; the one with fewer lines to name is no higher.
    assert imread(flat).shape[1] == drawn.shape[1]
    assert imread(flat).shape[0] <= drawn.shape[0]


def test_more_panels_than_fit_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_PANELS == 12
    monkeypatch.setattr("harness.results.history.plot.MAX_PANELS", 3)
    found = [series("m", "pgd", 0.9, f"metric_{i}") for i in range(5)]
    assert draw_history(found, RUNS, READINGS, tmp_path / "history.png") == LeftOut(panels=2)
    assert draw_history(found[:3], RUNS, READINGS, tmp_path / "history.png") == LeftOut()


def test_more_lines_than_can_be_told_apart_are_counted_and_those_with_steps_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_LINES == 20
    monkeypatch.setattr("harness.results.history.plot.MAX_LINES", 2)
    # Equal lines count once; the last has a step.
    found = [series("m", f"attack {i}", value) for i, value in enumerate([0.9, 0.9, 0.91, 0.92, 0.3])]
    assert found[-1].steps
    file = tmp_path / "history.png"
    left_out = draw_history(found, RUNS, READINGS, file)
    assert left_out == LeftOut(lines=2)
    assert str(left_out) == "2 lines did not fit"
    draw_history([found[0], found[-1]], RUNS, READINGS, tmp_path / "two.png")
    assert imread(file).shape[1] == imread(tmp_path / "two.png").shape[1]


def test_a_place_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written: No such file or directory"):
        draw_history([series("m", "pgd", 0.9)], RUNS, READINGS, tmp_path / "absent" / "history.png")
