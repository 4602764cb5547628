"""The history of a suite as a table of text and as JSON, one line per row and metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.contract.cells import CONSTANT_ROLES, SHOWN_LABELS
from harness.contract.tasks import Direction
from harness.results.history.series import Change, PastRun, Series
from harness.results.table import KEY_LENGTH, display_headings, metric_heading, number, text_table

_OPTIONAL_COLUMNS = ("key", "first", "runs", "measured", "last change")
_WORDS: Mapping[str, tuple[str, str]] = {"seconds": ("slower", "faster"), "cost": ("more", "less")}


@dataclass(frozen=True)
class Reading:
    """How the numbers of a metric are to be read.

    Attributes:
        direction: whether more is better ("max") or worse ("min"); "none" if that is not known.
        unit: "fraction" for numbers with three decimals.
    """

    direction: Direction = "none"
    unit: str = ""


Readings = Mapping[tuple[str, str], Reading]
"""Readings by experiment and metric."""


@dataclass(frozen=True)
class HistoryTable:
    """A history laid out as text.

    Attributes:
        columns, lines: headings and cells.
        constants: what is the same in every line and has no column.
    """

    columns: Sequence[str]
    lines: Sequence[Sequence[str]]
    constants: Mapping[str, str]

    def terminal(self, width: int) -> str:
        """The table as text of at most this width, if leaving out optional columns makes it fit."""
        dropped: list[str] = []
        while True:
            shown = [i for i, name in enumerate(self.columns) if name not in dropped]
            body = [[line[i] for i in shown] for line in self.lines]
            text = text_table([self.columns[i] for i in shown], body)
            if len(dropped) == len(_OPTIONAL_COLUMNS) or max(map(len, text.splitlines())) <= width:
                return text + (f"\n(too narrow for {', '.join(dropped)})" if dropped else "")
            dropped.append(_OPTIONAL_COLUMNS[len(dropped)])


def reading_of(series: Series, readings: Readings) -> Reading:
    """Return how a series is to be read; of costs and timings less is better."""
    if series.sort == "metric":
        return readings.get((series.row.experiment, series.metric), Reading())
    return Reading("min")


def heading(series: Series, readings: Readings) -> str:
    """A metric as tables call it, e.g. "robust accuracy ↑"."""
    if series.sort != "metric":
        return series.metric
    return metric_heading(series.metric, reading_of(series, readings).direction)


def change_text(change: float, series: Series, reading: Reading) -> str:
    """Return the direction of a change in words, e.g. "↓ worse"; empty where no direction is known."""
    if change == 0 or reading.direction == "none":
        return ""
    arrow = "↑" if change > 0 else "↓"
    if series.sort != "metric":
        return f"{arrow} {_WORDS[series.sort][0 if change > 0 else 1]}"
    return f"{arrow} {'worse' if is_worse(change, reading) else 'better'}"


def is_worse(change: float, reading: Reading) -> bool:
    """Whether a change goes the wrong way; False where no direction is known."""
    return change != 0 and reading.direction != "none" and (change > 0) != (reading.direction == "max")


def worse_in(run: str, history: Sequence[Series], readings: Readings) -> list[Series]:
    """The metrics that became worse, beyond the noise, in a run, and those that are lost in it."""
    return [
        series
        for series in history
        if series.sort == "metric" and (series.is_lost or _became_worse(series, run, reading_of(series, readings)))
    ]


def _became_worse(series: Series, run: str, reading: Reading) -> bool:
    last = series.steps[-1].step if series.steps else None
    return last is not None and last.after.run == run and is_worse(last.change, reading)


def history_table(history: Sequence[Series], readings: Readings) -> HistoryTable:
    """Labels, metric, how often it was run and measured, first and last value, last change, and the latest step.

    Rows with steps stand first.
    """
    history = sorted(history, key=lambda series: not series.steps)
    fields = [_labels(series) for series in history]
    shown = display_headings([series.row for series in history])
    names = [name for name in ("experiment", *SHOWN_LABELS, "seed", *shown) if any(field.get(name) for field in fields)]
    names += [name for name in dict.fromkeys(n for field in fields for n in field) if name not in (*names, *shown)]
    constants = {
        name: fields[0][name]
        for name in names
        if name in ("experiment", *CONSTANT_ROLES, "seed") and len({field.get(name) for field in fields}) == 1
    }
    names = [name for name in names if name not in constants]
    columns = [*names, "metric", "key", "runs", "measured", "first", "last", "last change", "marks"]
    lines = [
        [*(field.get(name, "") for name in names), *_numbers(series, readings)]
        for field, series in zip(fields, history, strict=True)
    ]
    return HistoryTable(columns, lines, constants)


def _labels(series: Series) -> dict[str, str]:
    row = series.row
    return {"experiment": row.experiment, **row.labels, "seed": str(row.seed), **row.display}


def _numbers(series: Series, readings: Readings) -> list[str]:
    reading = reading_of(series, readings)
    last, change = series.points[-1], series.last_change
    shown = number(last.value, reading.unit)
    if last.low is not None or last.high is not None:
        shown += f" [{number(last.low, reading.unit)}, {number(last.high, reading.unit)}]"
    return [
        heading(series, readings),
        series.key[:KEY_LENGTH],
        str(len(series.points)),
        str(len(series.measurements)),
        number(series.points[0].value, reading.unit),
        shown,
        "" if change is None else _signed(change, reading),
        "; ".join(marks(series, reading)),
    ]


def marks(series: Series, reading: Reading) -> list[str]:
    """Return the remarks on a series: its latest step, the key that it replaced, and why it ended."""
    texts = [_step_text(series.steps[-1], series, reading)] if series.steps else []
    texts += [f"{len(series.steps) - 1} earlier"] if len(series.steps) > 1 else []
    if series.since:
        texts.append(f"new series since {series.since}: the key was {series.instead_of[:KEY_LENGTH]}")
    return [*texts, *([series.absent] if series.absent else [])]


def _step_text(change: Change, series: Series, reading: Reading) -> str:
    step = change.step
    word = change_text(step.change, series, reading)
    text = f"step {word + ' ' if word else ''}{_signed(step.change, reading)} at {step.after.run}"
    if step.rule == "scored anew":
        text += ", same records scored anew"
    return text + (f" (changed besides: {', '.join(change.besides)})" if change.besides else "")


def _signed(change: float, reading: Reading) -> str:
    """A change with its sign; one that three decimals would hide has two significant digits."""
    if change == 0:
        return "0"
    size = number(abs(change), reading.unit)
    return ("+" if change > 0 else "−") + (size if float(size) else f"{abs(change):.2g}")


def notes(history: Sequence[Series], runs: Sequence[PastRun]) -> list[str]:
    """Return the lines below the table: the number of runs and steps, and what another key means."""
    stepped = sum(bool(series.steps) for series in history)
    lines = [
        f"{len(runs)} finished {'run' if len(runs) == 1 else 'runs'} from {runs[0].run} to {runs[-1].run}; "
        f"{stepped} of {len(history)} series have a step{'; they stand first' if stepped else ''}"
    ]
    if any(series.since for series in history):
        lines.append("Another key means other data or another protocol: it starts a new series under the same labels.")
    return lines


def history_json(suite: str, history: Sequence[Series], runs: Sequence[PastRun], readings: Readings) -> dict[str, Any]:
    """The runs and the series with every point and every step, as a JSON object."""
    return {
        "suite": suite,
        "runs": [{"run": run.run, "started": run.started, "origin": dict(run.origin)} for run in runs],
        "series": [_series_json(series, reading_of(series, readings)) for series in history],
    }


def _series_json(series: Series, reading: Reading) -> dict[str, Any]:
    row = series.row
    return {
        "experiment": row.experiment,
        "labels": dict(row.labels),
        "seed": row.seed,
        "key": series.key,
        "derived": row.derived,
        "metric": series.metric,
        "sort": series.sort,
        **asdict(reading),
        "n_measurements": len(series.measurements),
        "points": [asdict(point) for point in series.points],
        "steps": [
            {
                **asdict(change.step),
                "change": change.step.change,
                "verdict": change_text(change.step.change, series, reading),
                "besides": list(change.besides),
            }
            for change in series.steps
        ],
        "since": series.since,
        "instead_of": series.instead_of,
        "absent": series.absent,
    }
