"""The table of an experiment in a terminal: within its width, with what is the same in every row above it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.results.fitted import NEVER, FittedColumn, Style, fitted, folded
from harness.results.table import TableView, execution_of

_EFFORT, _METRIC = 0, 2
STATUS = "status"


def terminal(
    view: TableView,
    width: int,
    file: str = "table.md",
    *,
    kept: Sequence[str] = (),
    only: Sequence[str] = (),
    styles: Mapping[str, Style] | None = None,
) -> str:
    """A table as text of at most this width.

    Seconds, key, passes and n are left out first, then labels are cut, then metrics are left out by name, the last
    first.

    Args:
        view: what to show.
        width: of the terminal.
        file: the name of the file with the whole table.
        kept: metrics that are never left out.
        only: headings, or names of metrics, of the columns to show; all if empty.
        styles: heading to what gives its cells their colour; "" is for every metric.
    """
    columns = _varying(_columns(view, kept, styles or {}), view, kept)
    if only:
        columns = [column for column in columns if column.is_label or _is_asked_for(column, only, view)]
    text, left_out = fitted(columns, width)
    if not left_out:
        return text
    told = f"(too narrow for {', '.join(left_out)}; see {file})"
    return f"{text}\n{folded(told, width)}"


def constants(view: TableView, kept: Sequence[str] = ()) -> str:
    """What is the same in every row and stands above the table, in words; metrics that are kept do not."""
    told = dict(view.constants())
    columns = _columns(view, kept, {})
    names = {id(column) for column in _varying(columns, view, kept)}
    told |= {column.heading: column.cells[0] for column in columns if id(column) not in names and column.cells}
    named = ", ".join(f"{name} {value}" for name, value in told.items() if value)
    return f"{named}; intervals at 95 %" if named else "intervals at 95 %"


def column_names(view: TableView) -> list[str]:
    """The headings of all columns, as `only` takes them."""
    return [*_headings(view), *view.metrics]


def _headings(view: TableView) -> list[str]:
    return view.columns()[0]


def _is_asked_for(column: FittedColumn, only: Sequence[str], view: TableView) -> bool:
    metric = next((name for name in view.metrics if view.heading(name) == column.heading), "")
    plain = column.heading.rstrip(" ↑↓")
    return any(name in (column.heading, metric, plain) for name in only)


def _columns(view: TableView, kept: Sequence[str], styles: Mapping[str, Style]) -> list[FittedColumn]:
    head, body = view.columns(repeat=False)
    cells = list(zip(*body, strict=True)) if body else [()] * len(head)
    metrics = {view.heading(name): name for name in view.metrics}
    labels = {*view.roles(), "seed", *view.display, "execution"}
    columns = []
    for heading, texts in zip(head, cells, strict=True):
        if heading in metrics:
            rank = NEVER if metrics[heading] in kept or len(metrics) == 1 else _METRIC
            style = styles.get("")
        else:
            rank = NEVER if heading in labels or heading == STATUS else _EFFORT
            style = styles.get(heading)
        columns.append(FittedColumn(heading, list(texts), rank, is_label=heading in labels, style=style))
    return columns


def _varying(columns: Sequence[FittedColumn], view: TableView, kept: Sequence[str]) -> list[FittedColumn]:
    """The columns whose cells differ; labels that are not repeated stay, and so does everything of a single row."""
    if len(view.rows) < 2:
        return list(columns)
    staying = {*view.roles()[:1], *(view.heading(name) for name in kept)}
    return [column for column in columns if column.heading in staying or _varies(column, view)]


def _varies(column: FittedColumn, view: TableView) -> bool:
    if column.heading in view.roles():
        return len({row.labels.get(column.heading, "") for row in view.rows}) > 1
    if column.heading == "execution":
        return len({execution_of(row) for row in view.rows}) > 1
    return len(set(column.cells)) > 1
