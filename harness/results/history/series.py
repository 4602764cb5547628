"""The series of every row over past runs of a suite, read from their tables alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from harness.contract.cells import digest
from harness.contract.checked_rows import row_of
from harness.contract.errors import HarnessError, UsageError
from harness.contract.rows import Row, Status
from harness.contract.shapes import check_shape
from harness.files import parse_json, read_plain
from harness.results.table import display_text
from harness.statistics.changes import Point, Step, distinct, find_steps
from harness.store.run_folder import RESULT, RUN, RunFolder, runs_in
from harness.store.schema import check_schema

SECONDS = "seconds"

Sort = Literal["metric", "cost", "seconds"]


@dataclass(frozen=True)
class PastRow:
    """A row of a past run.

    Attributes:
        row: the row itself.
        key: its comparability key as the run wrote it.
        measurement: equal for rows that stem from the same measurement.
    """

    row: Row
    key: str
    measurement: str

    @property
    def identity(self) -> tuple[str, ...]:
        """The fields that the rows of one series share besides the key."""
        labels = (f"{role}={label}" for role, label in sorted(self.row.labels.items()))
        return (self.row.experiment, *labels, str(self.row.seed))


@dataclass(frozen=True)
class PastRun:
    """A finished run.

    Attributes:
        run: its id.
        started: UTC time in ISO format.
        origin: code, versions and machine, as `table.json` has them.
        rows: its rows, in the order of its table.
    """

    run: str
    started: str
    origin: Mapping[str, Any]
    rows: tuple[PastRow, ...]


@dataclass(frozen=True)
class Change:
    """A step and what else differs between the two runs that it lies between.

    Attributes:
        step: the step.
        besides: facts of the runs that differ, e.g. ("git", "torch", "model"): a place to look for the cause.
    """

    step: Step
    besides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Series:
    """One metric of one row over the runs.

    Attributes:
        row: as the latest run that has it wrote it.
        key: its comparability key.
        metric: its name.
        sort: whether it is a metric, a cost or the time taken.
        points: one for each run with a value, oldest first.
        steps: the changes that exceed the noise, oldest first.
        since: the run in which this key took the place of another, if it did; `instead_of` is the other key.
        absent: why the last run has no value of it; empty if it has.
        is_lost: whether its row is there in the last run, and neither ok nor skipped any more.
    """

    row: Row
    key: str
    metric: str
    sort: Sort
    points: tuple[Point, ...]
    steps: tuple[Change, ...] = ()
    since: str = ""
    instead_of: str = ""
    absent: str = ""
    is_lost: bool = False

    @property
    def display(self) -> str:
        """The columns that its task adds, e.g. "linf ≤ 0.1", which differ between rows of the same labels."""
        return display_text(self.row)

    @property
    def measurements(self) -> list[Point]:
        """The points that were measured, or scored, anew."""
        return distinct(self.points)

    @property
    def last_change(self) -> float | None:
        """The last measurement minus the one before; None with a single one."""
        points = self.measurements
        return points[-1].value - points[-2].value if len(points) > 1 else None


def read_runs(results: Path, suite: str, last: int | None = None) -> tuple[list[PastRun], list[str]]:
    """Return the finished runs of a suite, oldest first, and why others were left out.

    Args:
        results: the results folder.
        suite: its name.
        last: the number of runs to read, the latest first; None for all.

    Raises:
        UsageError: there is no finished run.
    """
    runs: list[PastRun] = []
    problems: list[str] = []
    for path in reversed(runs_in(results / suite)):
        if len(runs) == last:
            break
        try:
            run = _read_run(RunFolder(path))
        except UsageError as error:
            problems.append(f"{path.name} is left out: {error}")
            continue
        except (OSError, HarnessError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            problems.append(f"{path.name} is left out: its table cannot be read ({type(error).__name__}: {error})")
            continue
        runs += [run] if run else []
    if not runs:
        others = sorted({path.parent.parent.name for path in results.glob(f"*/*/{RUN}")} - {suite})
        hints = [*problems, *([f"there are runs of: {', '.join(others)}"] if others else [])]
        raise UsageError(
            f"there is no finished run of suite {suite!r} in {str(results)!r}; make one with: harness run {suite}"
            + "".join(f"\n  {hint}" for hint in hints)
        )
    return runs[::-1], problems


def _read_run(folder: RunFolder) -> PastRun | None:
    about = folder.read_json(RUN)
    check_schema(folder.path / RUN, about.get("schema", 0), oldest=0)
    if about.get("status") != "finished":
        return None
    table = folder.read_json("table.json")
    check_shape(table, {"rows": [dict], "provenance": dict}, "table.json")
    rows = tuple(_read_row(folder, raw, f"row {number}") for number, raw in enumerate(table["rows"], 1))
    return PastRun(folder.run_id, str(about["started"]), table.get("provenance") or {}, rows)


def _read_row(folder: RunFolder, raw: Mapping[str, Any], where: str) -> PastRow:
    """A row of a table.json, which an older version may have written with other fields."""
    fields = {name: value for name, value in raw.items() if name in Row.__dataclass_fields__}
    if "protocol" in raw and "comparability" not in raw:
        fields["comparability"] = {"protocol": raw["protocol"]}
    row = row_of({**fields, "estimates": raw.get("estimates", {})}, where)
    return PastRow(row, str(raw.get("key") or row.key), _measurement(folder, row))


def _measurement(folder: RunFolder, row: Row) -> str:
    """When a cell was measured, which stays with it when it is reused.

    A derived row has no cell. It is the same as before if all its numbers are, the time taken by its cells among them.
    """
    if row.cell:
        try:
            started = parse_json(read_plain(folder.cell(row.cell) / RESULT))["started"]
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            started = ""
        if started:
            return str(started)
    estimates = {name: [e.value, e.low, e.high] for name, e in row.estimates.items()}
    return digest([row.seconds, dict(row.cost), estimates])


def collect_series(runs: Sequence[PastRun], metric: str | None = None) -> list[Series]:
    """Return every series that has a point, in the order of the latest table.

    Args:
        runs: oldest first.
        metric: only this metric; costs have their own name, the time taken is "seconds".

    Raises:
        UsageError: no row has a value of this metric.
    """
    latest: dict[tuple[str, ...], Series] = {}
    points: dict[tuple[str, ...], list[Point]] = {}
    for run in reversed(runs):
        for past in run.rows:
            for name, sort, point in _points(run.run, past):
                identity = (*past.identity, past.key, sort, name)
                latest.setdefault(identity, Series(past.row, past.key, name, sort, ()))
                own = points.setdefault(identity, [])
                if not own or own[-1].run != run.run:
                    own.append(point)
    by_identity = {each: replace(series, points=tuple(points[each][::-1])) for each, series in latest.items()}
    names = dict.fromkeys(series.metric for series in by_identity.values())
    if metric is not None and metric not in names:
        raise UsageError(f"no row has a metric {metric!r}; there are: {', '.join(names)}")
    past_rows = _PastRows(runs)
    chosen = [series for series in by_identity.values() if metric is None or series.metric == metric]
    return [past_rows.with_steps(series) for series in chosen]


def _points(run: str, past: PastRow) -> Iterator[tuple[str, Sort, Point]]:
    """Yield the numbers of a row as points; a row that is not ok has none."""
    row = past.row
    if row.status is not Status.OK or not past.key:
        return
    for name, estimate in row.estimates.items():
        if estimate.value is not None:
            interval = (estimate.low, estimate.high)
            yield name, "metric", Point(run, float(estimate.value), *interval, estimate.n, past.measurement)
    for name, cost in row.cost.items():
        yield name, "cost", Point(run, float(cost), measurement=past.measurement)
    if row.seconds is not None:
        yield SECONDS, "seconds", Point(run, row.seconds, measurement=past.measurement)


class _PastRows:
    """The rows of all runs by identity, from which steps, replaced keys and absences of a series follow."""

    def __init__(self, runs: Sequence[PastRun]) -> None:
        self._runs = {run.run: run for run in runs}
        self._last = runs[-1].run if runs else ""
        self._rows: dict[tuple[str, ...], dict[str, list[PastRow]]] = {}
        for run in runs:
            for past in run.rows:
                self._rows.setdefault(past.identity, {}).setdefault(run.run, []).append(past)

    def with_steps(self, series: Series) -> Series:
        """Return the series with its steps, the key that it replaced, and why it ended."""
        own = self._rows[PastRow(series.row, series.key, "").identity]
        steps = tuple(Change(step, self._besides(step, series.key, own)) for step in find_steps(series.points))
        since, instead_of = self._replaced(series, own)
        absent, broken = self._absent(series, own)
        lost = broken not in (None, Status.SKIPPED)
        return replace(series, steps=steps, since=since, instead_of=instead_of, absent=absent, is_lost=lost)

    def _besides(self, step: Step, key: str, own: Mapping[str, list[PastRow]]) -> tuple[str, ...]:
        before, after = self._runs[step.before.run].origin, self._runs[step.after.run].origin
        facts = [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]
        old, new = (
            next(past.row.components for past in own[point.run] if past.key == key)
            for point in (step.before, step.after)
        )
        return (*facts, *(role for role in dict.fromkeys([*old, *new]) if old.get(role) != new.get(role)))

    def _replaced(self, series: Series, own: Mapping[str, list[PastRow]]) -> tuple[str, str]:
        """Rows of one run may share their labels and differ in their keys, as the worst cases of several budgets do.

        So a series took the place of another only if the other's key is gone from the run in which it appeared.
        """
        first = series.points[0].run
        earlier = [past for run, rows in own.items() if run < first for past in rows if past.key]
        still = {past.key for past in own[first]}
        gone = [past for past in earlier if past.key not in still]
        alike = [past for past in gone if display_text(past.row) == series.display] or gone
        return (first, alike[-1].key) if alike and series.key not in {past.key for past in earlier} else ("", "")

    def _absent(self, series: Series, own: Mapping[str, list[PastRow]]) -> tuple[str, Status | None]:
        """Why the last run has no value, and the status of its row if that is why."""
        if series.points[-1].run == self._last:
            return "", None
        rows = own.get(self._last, [])
        own_key = [past for past in rows if past.key in ("", series.key)]
        broken = [past.row.status for past in own_key if past.row.status is not Status.OK]
        if broken:
            return f"{broken[0]} in the last run", broken[0]
        if own_key:
            return "undefined in the last run", None
        return "has another key in the last run" if rows else "not in the last run", None
