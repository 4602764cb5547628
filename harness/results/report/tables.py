"""The rows of a run laid out for a page whose tables can be sorted and filtered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.results.cost_table import LABELS, ModelCost, cell, cost_notes, shown_columns, shown_labels
from harness.results.table import KEY_LENGTH, UNDEFINED, TableView, number


@dataclass(frozen=True)
class Whisker:
    """An interval of a fraction drawn on a line from 0 to 100."""

    low: float
    value: float
    high: float


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: what it is called.
        sort: "label", "number", "number effort", "status" or "key": how it is set and sorted.
    """

    heading: str
    sort: str


@dataclass(frozen=True)
class Field:
    """A field of a table.

    Attributes:
        text: what it shows; `detail` stands behind it, softer.
        hover: what it says when pointed at.
        value: the number it is sorted by; None sorts by the text, and in a column of numbers last.
        whisker: its interval as a drawing.
    """

    text: str
    detail: str = ""
    hover: str = ""
    value: float | None = None
    whisker: Whisker | None = None


@dataclass(frozen=True)
class Line:
    """A row of a table.

    Attributes:
        fields: one for each column.
        status: how it ended.
        reason: why it is not ok; empty if it is.
        derived: the aggregate that made it; empty for a cell.
    """

    fields: tuple[Field, ...]
    status: str
    reason: str
    derived: str


@dataclass(frozen=True)
class Table:
    """The table of an experiment.

    Attributes:
        name, about: the experiment and its question.
        constants: what is the same in every row.
        columns, lines: its content.
        notes: why numbers are undefined.
    """

    name: str
    about: str
    constants: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


def make_table(name: str, about: str, view: TableView) -> Table:
    """The table of an experiment from its view."""
    constants = view.constants()
    labels = [*view.roles(), *([] if "seed" in constants else ["seed"]), *view.display]
    columns = (
        *(Column(label, "label") for label in labels),
        *(Column(_unbroken(view.heading(metric)), "number") for metric in view.metrics),
        Column("status", "status"),
        *(Column(cost, "number effort") for cost in view.costs),
        Column("seconds", "number effort"),
        Column("key", "key"),
    )
    lines = tuple(
        Line(tuple(_fields(row, view, labels)), str(row.status), row.reason, row.derived) for row in view.rows
    )
    fine = TableView([row for row in view.rows if row.status is Status.OK], view.headings, view.units)
    constant_text = ", ".join(f"{role} {label}" for role, label in constants.items())
    return Table(name, about, constant_text, columns, lines, tuple(fine.notes()))


def make_cost_table(costs: Sequence[ModelCost]) -> Table | None:
    """The table of what the models of a run took; None if that is not known of any."""
    labels, columns = shown_labels(costs), shown_columns(costs)
    if not columns:
        return None
    lines = tuple(
        Line(
            (
                *(Field(cost.labels[LABELS.index(label)]) for label in labels),
                *(Field(text, value=value) for text, value in (cell(cost, column) for column in columns)),
            ),
            status=str(Status.OK),
            reason="",
            derived="",
        )
        for cost in costs
    )
    headings = (*(Column(label, "label") for label in labels), *(Column(each.heading, "number") for each in columns))
    return Table("costs", "", "", headings, lines, tuple(cost_notes(costs)))


def _unbroken(heading: str) -> str:
    """A heading whose arrow stays with its last word."""
    return heading.replace(" ↑", "\N{NO-BREAK SPACE}↑").replace(" ↓", "\N{NO-BREAK SPACE}↓")


def _fields(row: Row, view: TableView, labels: Sequence[str]) -> Iterator[Field]:
    for label in labels:
        if label == "seed":
            yield Field(row.seeds, value=row.seed)
        else:
            yield Field(row.labels.get(label) or row.display.get(label, ""))
    for metric in view.metrics:
        estimate = row.estimates.get(metric)
        field = Field("") if estimate is None else estimate_field(estimate, view.units.get(metric, ""))
        is_doubtful = row.status is Status.SUSPECT and field.text not in ("", UNDEFINED)
        yield replace(field, text=f"{field.text} ?") if is_doubtful else field
    yield Field(str(row.status))
    for cost in view.costs:
        yield Field(f"{row.cost[cost]:.1f}", value=row.cost[cost]) if cost in row.cost else Field("")
    yield Field("") if row.seconds is None else Field(f"{row.seconds:.2f}", value=row.seconds)
    yield Field(row.key[:KEY_LENGTH], hover=row.key)


def estimate_field(estimate: Estimate, unit: str) -> Field:
    """An estimate: its value, its interval behind it, and what it rests on for the one who points at it."""
    if estimate.value is None:
        return Field(UNDEFINED, hover=estimate.reason) if estimate.applies else Field("", hover=estimate.reason)
    missing = f", {estimate.n_missing} missing" if estimate.n_missing else ""
    hover = f"n = {estimate.n}{missing}"
    detail = f"({estimate.n_missing} missing)" if missing else ""
    whisker = None
    if estimate.low is not None or estimate.high is not None:
        detail = f"[{number(estimate.low, unit)}, {number(estimate.high, unit)}] {detail}".rstrip()
        hover += f"; {estimate.level:.0%} interval, {estimate.method}"
    if unit == "fraction" and estimate.low is not None and estimate.high is not None:
        ends = (round(100 * min(max(end, 0.0), 1.0), 1) for end in (estimate.low, estimate.value, estimate.high))
        whisker = Whisker(*ends)
    return Field(number(estimate.value, unit), detail, hover, estimate.value, whisker)
