"""What cells will take is what such cells took, scaled by the number of examples, or unknown."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.contract.cells import Cell, Use
from harness.contract.rows import Status
from harness.coordinator.forecast import INDEX, Forecast, duration, forecast_text, forecasts
from harness.files import write_checked
from harness.store.cell_result import CellResult


def use(kind: Any, name: str, limit: int | None = None, **parameters: Any) -> Use:
    return Use(kind, f"p/{name}", name, 1, parameters, limit=limit)


def cell(limit: int | None = None, seed: int = 0, **attack: Any) -> Cell:
    parts = {"data": use("dataset", "d", limit), "model": use("model", "m"), "attack": use("attack", "a", **attack)}
    return Cell("e", use("task", "t"), parts, seed=seed)


def measured(store: Path, planned: Cell, seconds: float, n: int, started: str = "2026-01-01", **more: Any) -> None:
    key = f"{len(list(store.glob('cells/*/*'))):064d}"
    folder = store / "cells" / key[:2] / key
    folder.mkdir(parents=True)
    components = {role: part and part.identity for role, part in planned.components.items()}
    inputs = {"cell": {"task": planned.task.identity, "seed": planned.seed, "components": components}}
    (folder / "manifest.json").write_text(json.dumps({"inputs": inputs}), encoding="utf-8")
    how = {"n": n, "seconds": seconds, "started": started, "device": "cpu", "cost": {"passes": 4.0}, **more}
    CellResult(Status.OK, **how).write(folder)


@pytest.mark.parametrize(
    ("then", "now", "n", "seconds"),
    [
        (100, 100, 100, 6.0),
        (100, 200, 100, 12.0),  # Limited then: there may be 200.
        (None, 50, 100, 3.0),
        (None, 500, 100, 6.0),  # There are only 100.
        (500, None, 100, 6.0),
    ],
)
def test_time_is_scaled_by_examples(tmp_path: Path, then: int | None, now: int | None, n: int, seconds: float) -> None:
    measured(tmp_path, cell(then), 6.0, n)
    (found,) = forecasts([cell(now, seed=7)], tmp_path).values()
    assert found == Forecast(seconds, 0.0, 4.0 * seconds / 6.0 * n, "cpu")


def test_the_whole_of_data_that_were_limited_is_unknown(tmp_path: Path) -> None:
    measured(tmp_path, cell(100), 6.0, 100)
    assert list(forecasts([cell(None)], tmp_path).values()) == [None]


def test_other_parameters_are_unknown_and_a_skipped_cell_takes_nothing(tmp_path: Path) -> None:
    measured(tmp_path, cell(eps=0.1), 6.0, 10)
    assert list(forecasts([cell(eps=0.2)], tmp_path).values()) == [None]
    assert forecasts([replace(cell(eps=0.1), skip="no")], tmp_path) == {}
    assert list(forecasts([cell()], tmp_path / "absent").values()) == [None]


def test_the_latest_of_the_same_limit_counts(tmp_path: Path) -> None:
    measured(tmp_path, cell(10), 1.0, 10, "2026-01-01")
    measured(tmp_path, cell(10), 2.0, 10, "2026-01-02")
    measured(tmp_path, cell(20), 9.0, 20, "2026-01-03")
    (found,) = forecasts([cell(10)], tmp_path).values()
    assert found is not None
    assert found.seconds == 2.0


def test_a_damaged_entry_is_passed_over(tmp_path: Path) -> None:
    measured(tmp_path, cell(), 6.0, 10)
    (manifest,) = tmp_path.glob("cells/*/*/manifest.json")
    manifest.write_text('{"inputs": [', encoding="utf-8")
    assert list(forecasts([cell()], tmp_path).values()) == [None]


def test_an_entry_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured(tmp_path, cell(), 6.0, 10)
    first = forecasts([cell()], tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("harness.coordinator.forecast.CellResult", None)
        assert forecasts([cell()], tmp_path) == first
    measured(tmp_path, cell(), 7.0, 10, "2026-01-02")
    (found,) = forecasts([cell()], tmp_path).values()
    assert found is not None
    assert found.seconds == 7.0
    for folder in tmp_path.glob("cells/*/*"):
        shutil.rmtree(folder)
    assert list(forecasts([cell()], tmp_path).values()) == [None]


@pytest.mark.parametrize("content", ["[]", "{", '{"a": [1]}', '{"a": ["k", null, 0, 1, 1, 1, "", ""]}', '{"a": 3}'])
def test_an_index_that_is_none_is_made_again(tmp_path: Path, content: str) -> None:
    measured(tmp_path, cell(), 6.0, 10)
    first = forecasts([cell()], tmp_path)
    write_checked(tmp_path / INDEX, content.encode())
    assert forecasts([cell()], tmp_path) == first
    (tmp_path / INDEX).write_text(content, encoding="utf-8")
    assert forecasts([cell()], tmp_path) == first


def test_the_training_of_a_model_counts_once(tmp_path: Path) -> None:
    weights = [{"key": "k", "digest": "d", "seconds": 600.0}]
    cells = [cell(eps=0.1), cell(eps=0.2), cell(eps=0.3)]
    for each in cells[:2]:
        measured(tmp_path, each, 60.0, 10, weights=weights)
    text = forecast_text(cells, forecasts(cells, tmp_path))
    assert text == (
        "forecast, if all is measured anew one cell at a time on cpu: 2 min, 10 min of training, 80 passes; "
        "1 of 3 cells unknown"
    )
    assert forecast_text(cells, {"a": None}) == "forecast: unknown, since no such cell was measured yet"


def test_durations_are_said_as_people_say_them() -> None:
    assert [duration(each) for each in (0.05, 59, 90, 7200)] == ["0.05 s", "59 s", "1.5 min", "2 h"]
