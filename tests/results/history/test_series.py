"""The series of synthetic runs: what belongs together, what was measured again, what is left out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.contract.errors import UsageError
from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.results.history.series import Series, collect_series, read_runs
from harness.statistics.intervals import proportion


def row(correct: int = 50, *, attack: str = "pgd", data: str = "first", seconds: float = 1.0, **changes: Any) -> Row:
    """A row of 100 examples; another `data` gives another key."""
    fields: dict[str, Any] = {
        "experiment": "e",
        "labels": {"model": "m", "attack": attack},
        "seed": 0,
        "status": Status.OK,
        "estimates": {"accuracy": proportion(correct, 100)},
        "n": 100,
        "comparability": {"data": {"digest": data}},
        "cost": {"passes": 2.0},
        "seconds": seconds,
        "cell": f"m.{attack}",
    }
    return Row(**{**fields, **changes})


def failed(attack: str = "pgd") -> Row:
    nothing: dict[str, Any] = {"estimates": {}, "comparability": {}, "cost": {}, "seconds": None, "n": None}
    return row(attack=attack, status=Status.FAILED, reason="boom", **nothing)


@dataclass
class Past:
    """Writes runs of the suite "s", one a day."""

    results: Path
    day: int = field(default=0)

    def run(self, *rows: Row, measured: str = "", status: str = "finished", **origin: Any) -> str:
        """A run whose cells were measured in the run named, by default in itself."""
        self.day += 1
        name = f"202611{self.day:02d}T000000Z-aaaa"
        folder = self.results / "s" / name
        folder.mkdir(parents=True)
        started = f"2026-11-{self.day:02d}T00:00:00+00:00"
        (folder / "run.json").write_text(json.dumps({"status": status, "started": started}))
        raw = [each.to_json() for each in rows]
        (folder / "table.json").write_text(json.dumps({"suite": "s", "provenance": origin, "rows": raw}))
        for each in rows:
            if each.cell:
                (folder / "cells" / each.cell).mkdir(parents=True, exist_ok=True)
                result = folder / "cells" / each.cell / "result.json"
                result.write_text(json.dumps({"started": measured or name}))
        return name

    def series(self, metric: str = "accuracy", last: int | None = None) -> list[Series]:
        return collect_series(read_runs(self.results, "s", last)[0], metric)


@pytest.fixture
def past(tmp_path: Path) -> Past:
    return Past(tmp_path)


def values(series: Series) -> list[float]:
    return [point.value for point in series.points]


def test_a_series_for_every_metric_cost_and_the_time(past: Past) -> None:
    first = past.run(row(50, seconds=1.0))
    second = past.run(row(60, seconds=2.0))
    found = collect_series(read_runs(past.results, "s")[0])
    assert [(series.metric, series.sort, values(series)) for series in found] == [
        ("accuracy", "metric", [0.5, 0.6]),
        ("passes", "cost", [2.0, 2.0]),
        ("seconds", "seconds", [1.0, 2.0]),
    ]
    assert [point.run for point in found[0].points] == [first, second]
    assert found[0].points[0].low == pytest.approx(proportion(50, 100).low)
    assert found[0].last_change == pytest.approx(0.1)


def test_a_step_is_found_with_the_run_and_what_else_changed(past: Past) -> None:
    for correct in (50, 50, 50, 50, 50):
        past.run(row(correct), git="old", torch="2")
    stepped = past.run(row(44), git="new", torch="2")
    past.run(row(44), git="newer", torch="2")
    ((change,),) = [series.steps for series in past.series()]
    assert (change.step.after.run, change.step.rule) == (stepped, "noise")
    assert change.step.change == pytest.approx(-0.06)
    assert change.besides == ("git",)
    assert [series.steps for series in past.series("passes")] == [()]


def test_other_settings_under_the_same_label_are_told(past: Past) -> None:
    for steps in (10, 10, 10, 10, 10, 40):
        past.run(row(50 if steps == 10 else 30, components={"model": {"name": "m"}, "attack": {"steps": steps}}))
    ((change,),) = [series.steps for series in past.series()]
    assert change.besides == ("attack",)


def test_reused_cells_are_one_measurement(past: Past) -> None:
    """Ten runs, of which six measured: the timing has differences of 1 only, so 4 more than the last is no step."""
    for seconds, repeats in [(10.0, 3), (11.0, 1), (10.0, 2), (11.0, 1), (10.0, 2), (14.0, 1)]:
        measured = past.run(row(seconds=seconds))
        for _ in range(repeats - 1):
            past.run(row(seconds=seconds), measured=measured)
    (series,) = past.series("seconds")
    assert (len(series.points), len(series.measurements)) == (10, 6)
    assert series.steps == ()
    past.run(row(seconds=30.0))
    assert len(past.series("seconds")[0].steps) == 1


def test_derived_rows_are_measured_again_if_any_number_differs(past: Past) -> None:
    for seconds in (3.0, 3.0, 3.5):
        past.run(row(attack="worst case", cell="", derived="worst_case", seconds=seconds))
    (series,) = past.series()
    assert (len(series.points), len(series.measurements)) == (3, 2)


def test_without_the_cells_the_numbers_tell_measurements_apart(past: Past) -> None:
    for seconds in (3.0, 3.0, 3.5):
        run = past.run(row(seconds=seconds))
        (past.results / "s" / run / "cells" / "m.pgd" / "result.json").unlink()
    assert len(past.series()[0].measurements) == 2


def test_another_key_starts_another_series(past: Past) -> None:
    past.run(row(50, data="first"))
    changed = past.run(row(90, data="second"))
    new, old = past.series()
    assert values(new) == [0.9]
    assert (new.since, new.instead_of) == (changed, row(data="first").key)
    assert values(old) == [0.5]
    assert (old.since, old.absent) == ("", "has another key in the last run")
    assert new.steps == old.steps == ()


def test_rows_of_one_run_may_differ_in_the_key_alone(past: Past) -> None:
    """As the worst cases of several budgets do; neither takes the other's place, and no values are mixed."""
    for _ in range(2):
        past.run(*(row(correct, data=data) for correct, data in [(50, "small"), (20, "large")]))
    found = past.series()
    assert [values(series) for series in found] == [[0.5, 0.5], [0.2, 0.2]]
    assert [series.since for series in found] == ["", ""]


def test_a_new_row_took_no_place(past: Past) -> None:
    past.run(row(50))
    past.run(row(50), row(70, attack="new"))
    assert [(series.since, series.absent) for series in past.series()] == [("", ""), ("", "")]


def test_rows_without_a_number_in_the_last_run_say_so(past: Past) -> None:
    past.run(row(), row(attack="fgsm"), row(attack="cw"))
    past.run(failed(), row(attack="fgsm", estimates={"accuracy": Estimate.undefined("no examples")}))
    found = {series.row.labels["attack"]: series.absent for series in past.series()}
    assert found == {"pgd": "failed in the last run", "fgsm": "undefined in the last run", "cw": "not in the last run"}


def test_only_finished_runs_count(past: Past) -> None:
    past.run(row(10))
    past.run(row(20), status="interrupted")
    past.run(row(30), status="running")
    past.run(row(40))
    assert values(past.series()[0]) == [0.1, 0.4]


def test_the_last_runs(past: Past) -> None:
    for correct in (10, 20, 30):
        past.run(row(correct))
    assert values(past.series(last=2)[0]) == [0.2, 0.3]
    assert values(past.series(last=9)[0]) == [0.1, 0.2, 0.3]


def test_a_damaged_table_is_left_out_and_told(past: Past) -> None:
    past.run(row(10))
    damaged = past.run(row(20))
    (past.results / "s" / damaged / "table.json").write_text("{")
    runs, problems = read_runs(past.results, "s")
    assert len(runs) == 1
    assert problems[0].startswith(f"{damaged} is left out: ")
    assert "table.json" in problems[0]
    assert problems[0].endswith("run the suite again, which takes finished cells from the store")


def test_tables_of_another_version_are_read(past: Past) -> None:
    """It wrote the protocol by itself and a field that is unknown today."""
    name = past.run(row(10))
    file = past.results / "s" / name / "table.json"
    table = json.loads(file.read_text())
    threat = {"norm": "linf", "eps": 0.1, "targeted": False, "minimal": False}
    for raw in table["rows"]:
        del raw["comparability"]
        raw |= {"protocol": {"threat": threat}, "key": "abc", "colour": "blue"}
    file.write_text(json.dumps(table))
    (series,) = past.series()
    assert (series.key, series.display, values(series)) == ("abc", "linf ≤ 0.1", [0.1])


def test_no_finished_run_says_how_to_make_one(past: Past) -> None:
    past.run(row(), status="running")
    with pytest.raises(UsageError, match=r"no finished run of suite 's' .*; make one with: harness run s$"):
        read_runs(past.results, "s")
    with pytest.raises(UsageError, match="harness run t\n  there are runs of: s"):
        read_runs(past.results, "t")


def test_an_unknown_metric_names_the_known(past: Past) -> None:
    past.run(row())
    with pytest.raises(UsageError, match="no row has a metric 'acuracy'; there are: accuracy, passes, seconds"):
        past.series("acuracy")
