"""Tables: rows as a data frame, as JSON, and as text that reads well in a terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.contract.cells import CONSTANT_ROLES, SHOWN_LABELS
from harness.contract.checked_rows import row_of
from harness.contract.errors import InvalidOutput
from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.contract.shapes import check_shape
from harness.escaping import csv_value, markdown_cell, markdown_line, on_a_line
from harness.files import parse_json, read_plain
from harness.isolation import one_line
from harness.plugins import Catalog
from harness.results.certificate import certificate_text
from harness.results.described_metrics import described_metrics
from harness.results.spread import parts_of
from harness.signatures import SignatureReader
from harness.store.run_folder import RUN, RunFolder
from harness.suite.plan import Plan

if TYPE_CHECKING:
    import pandas as pd


_ARROWS = {"max": " ↑", "min": " ↓"}
KEY_LENGTH = 8
"""Number of characters of a comparability key that tables show."""
_ORIGIN = ("harness", "git", "python", "torch", "device", "accelerator", "processor", "threads")
UNDEFINED = "–"
_SMALLEST_P = 0.0001
_SMALL_FRACTION, _ROUNDING = 0.001, 1e-12
_MAX_REASONS_SHOWN = 2


def frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Rows as a data frame with one column per field.

    For each metric these are its value, `_low`, `_high`, `_null`, `_p`, `_n`, `_missing` and `_method`. The cost block
    stands under names that begin with `cost_`.
    """
    import pandas as pd

    return pd.DataFrame([_flat(row) for row in rows])


def csv_text(rows: Sequence[Row]) -> str:
    """The columns of `frame` as CSV, without the second that importing pandas takes."""
    return csv_of([_flat(row) for row in rows])


def csv_of(lines: Sequence[Mapping[str, Any]], empty: Sequence[str] = ()) -> str:
    """Lines as CSV under all names that they have; `empty` are the names where there are no lines."""
    text = io.StringIO()
    names = list(dict.fromkeys(name for line in lines for name in line)) or empty
    writer = csv.writer(text, lineterminator="\n")
    body = ([line.get(name) for name in names] for line in lines)
    writer.writerows([csv_value(value) for value in line] for line in (names, *body))
    return text.getvalue()


def text_table(columns: Sequence[str], body: Sequence[Sequence[str]], layout: str = "simple") -> str:
    """Headings and cells as text in a layout of tabulate, which takes no text for a number; a row is a line."""
    from tabulate import tabulate

    escape = markdown_cell if layout == "github" else on_a_line
    head, *lines = [[escape(cell) for cell in line] for line in (columns, *body)]
    return str(tabulate(lines, head, tablefmt=layout, disable_numparse=True))


def _flat(row: Row) -> dict[str, Any]:
    flat: dict[str, Any] = {"experiment": row.experiment, **row.labels, "seed": _seed(row), "status": str(row.status)}
    for name, estimate in row.estimates.items():
        flat |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        flat |= {f"{name}_null": estimate.null, f"{name}_p": estimate.p}
        flat |= {f"{name}_n": estimate.n, f"{name}_missing": estimate.n_missing, f"{name}_method": estimate.method}
    flat |= {
        "n": row.n,
        **row.cost,
        "seconds": row.seconds,
        "key": row.key,
        "derived": row.derived,
        "execution": execution_of(row),
        "reason": row.reason,
        **{f"cost_{name}": value for name, value in row.cost_block.to_json().items()},
    }
    return flat


def _seed(row: Row) -> int | str:
    return row.seed if row.seeds == str(row.seed) else row.seeds


def number(value: float | None, unit: str = "") -> str:
    """A number as tables show it: three decimals for fractions, four significant digits otherwise.

    Fractions below a thousandth keep two digits, as 1.2e-05: false match rates are that small.
    """
    if value is None:
        return UNDEFINED
    if unit != "fraction":
        return f"{value:.4g}"
    return f"{value:.2g}" if _ROUNDING < abs(value) < _SMALL_FRACTION else f"{value:.3f}"


def interval(estimate: Estimate, unit: str = "") -> str:
    """An estimate as tables show it: `0.933 [0.902, 0.955]`, with missing records in front of their number."""
    if estimate.value is None:
        return UNDEFINED if estimate.applies else ""
    text = number(estimate.value, unit)
    if estimate.low is not None or estimate.high is not None:
        text += f" [{number(estimate.low, unit)}, {number(estimate.high, unit)}]"
    if estimate.null is not None:
        text += f" null {number(estimate.null, unit)}"
    if estimate.p is not None:
        text += f" p {estimate.p:.2g}" if estimate.p >= _SMALLEST_P else f" p < {_SMALLEST_P:g}"
    return f"{text} ({estimate.n_missing} missing)" if estimate.n_missing else text


class Lead(Protocol):
    """What stands before the tables of a run."""

    @property
    def markdown(self) -> str:
        """It as Markdown; empty if there is nothing."""

    def to_json(self) -> Mapping[str, Any]:
        """It as a JSON object."""


class TableView:
    """Rows of one experiment laid out as a table of text.

    Attributes:
        rows: what to show.
        headings: metric name to what its column is called, e.g. "accuracy ↑".
        units: metric name to unit.
        metrics, costs, display: the columns that any row has, those that tasks add in `display`.
    """

    def __init__(self, rows: Sequence[Row], headings: Mapping[str, str], units: Mapping[str, str]) -> None:
        self.rows, self.headings, self.units = rows, headings, units
        self.metrics = list(dict.fromkeys(name for row in rows for name in row.estimates))
        self.costs = list(dict.fromkeys(name for row in rows for name in row.cost))
        self.display = display_headings(rows)

    def heading(self, metric: str) -> str:
        """Return the heading of a metric; a metric that only an aggregate gives has no direction."""
        return self.headings.get(metric) or metric_heading(metric, "")

    def constants(self) -> dict[str, str]:
        """Return the labels that are the same in every row and need no column."""
        constants: dict[str, str] = {}
        for role in CONSTANT_ROLES:
            labels = {row.labels.get(role, "") for row in self.rows}
            if len(labels) == 1 and (label := labels.pop()):
                constants[role] = label
        executions = {execution_of(row) for row in self.rows if not row.derived}
        if len(executions) == 1 and (execution := executions.pop()):
            constants["execution"] = execution
        seeds = {row.seeds for row in self.rows}
        if len(seeds) == 1:
            constants["seed"] = seeds.pop()
        return constants

    def roles(self) -> list[str]:
        """The labels that need a column."""
        constant = self.constants()
        return [role for role in SHOWN_LABELS if role not in constant and any(role in row.labels for row in self.rows)]

    def columns(self, *, dropped: Sequence[str] = (), repeat: bool = True) -> tuple[list[str], list[list[str]]]:
        """Headings and cells.

        Args:
            dropped: metrics to leave out.
            repeat: write a label again where it is that of the row above.
        """
        constant, roles, costs = self.constants(), self.roles(), self.costs
        metrics = [name for name in self.metrics if name not in dropped]
        executions = "execution" not in constant and any(execution_of(row) for row in self.rows)
        head = [*roles, *(["seed"] if "seed" not in constant else []), *self.display]
        head += ["execution"] if executions else []
        head += [*(self.heading(name) for name in metrics), "n", "status", *costs, "s", "key"]
        body: list[list[str]] = []
        above: Row | None = None
        for row in self.rows:
            fresh = above is None or repeat
            labels = [
                row.labels.get(r, "") if fresh or above is None or _differs(row, above, roles[: i + 1]) else ""
                for i, r in enumerate(roles)
            ]
            line = [
                *labels,
                *([row.seeds] if "seed" not in constant else []),
                *(row.display.get(heading, "") for heading in self.display),
                *([execution_of(row)] if executions else []),
            ]
            line += [self._number(row, metric) for metric in metrics]
            line += ["" if row.n is None else str(row.n), str(row.status)]
            line += [f"{row.cost[cost]:.1f}" if cost in row.cost else "" for cost in costs]
            line += ["" if row.seconds is None else f"{row.seconds:.2f}", row.key[:KEY_LENGTH]]
            body.append(line)
            above = row
        return head, body

    def _number(self, row: Row, metric: str) -> str:
        """A metric of a row, with a question mark where there is reason to doubt it."""
        if metric not in row.estimates:
            return ""
        text = interval(row.estimates[metric], self.units.get(metric, ""))
        return f"{text} ?" if text and row.status is Status.SUSPECT else text

    def notes(self) -> list[str]:
        """Return why rows are not ok, and why numbers are undefined, each reason once."""
        rows_by_reason: dict[str, list[str]] = {}
        doubts: dict[str, list[tuple[str, str]]] = {}
        applied = {name for row in self.rows for name, estimate in row.estimates.items() if estimate.applies}
        for row in self.rows:
            if row.status is Status.SUSPECT:
                for doubt in row.reason.split("; "):
                    sign, _, what = doubt.partition(": ")
                    doubts.setdefault(sign, []).append((name_of(row), what))
            elif row.status is not Status.OK:
                rows_by_reason.setdefault(f"{row.status}: {row.reason}", []).append(name_of(row))
            for name, estimate in row.estimates.items():
                if estimate.value is None and row.status is Status.OK and (estimate.applies or name not in applied):
                    rows_by_reason.setdefault(f"{name} {UNDEFINED} {estimate.reason}", []).append(name_of(row))
                elif estimate.value is not None and estimate.reason:
                    rows_by_reason.setdefault(f"{name}: {estimate.reason}", []).append(name_of(row))
        for name in self.metrics:
            estimates = [row.estimates[name] for row in self.rows if name in row.estimates]
            if len({estimate.within for estimate in estimates if estimate.value is not None}) > 1:
                rows_by_reason.setdefault(f"{name} may be compared only within the same {_within(estimates)}", [])
        shown = []
        for reason, names in rows_by_reason.items():
            if not names:
                shown.append(reason)
                continue
            more = f" and {len(names) - 2} more" if len(names) > 2 else ""
            shown.append(f"{reason} ({'; '.join(names[:2])}{more})")
        doubtful = [line for sign, rows in doubts.items() for line in _doubt(sign, rows)]
        return [on_a_line(note) for note in (*shown, *doubtful, *_trained(self.rows), *_trusted(self.rows))]


def joined_labels(labels: Mapping[str, str]) -> str:
    """Return the labels of a row but for its data, joined by " / "; empty if there are none."""
    return " / ".join(labels[role] for role in SHOWN_LABELS if role != "data" and role in labels)


def name_of(row: Row) -> str:
    """Return the joined labels of a row, or its experiment if it has none."""
    return joined_labels(row.labels) or row.experiment


def metric_heading(label: str, direction: str) -> str:
    """Return the heading of a metric in tables, e.g. "robust accuracy ↑"."""
    return label.replace("_", " ") + _ARROWS.get(direction, "")


def execution_of(row: Row) -> str:
    """Return how the model of a row was run, e.g. "bfloat16, compiled"; empty for plain float32."""
    return str(row.facts.get("execution", ""))


def display_headings(rows: Sequence[Row]) -> list[str]:
    """The columns that tasks add to the table of these rows, in the order in which they first appear."""
    return list(dict.fromkeys(heading for row in rows for heading in row.display))


def display_text(row: Row) -> str:
    """Return the columns that the task adds to a row as text, e.g. "linf ≤ 0.1"."""
    return ", ".join(row.display.values())


def _doubt(sign: str, rows: Sequence[tuple[str, str]]) -> list[str]:
    """Return a line on one sign of doubt: the number of rows that show it, and details of the first of them."""
    if not rows[0][1]:
        return [f"{Status.SUSPECT}: {sign} ({'; '.join(dict.fromkeys(name for name, _ in rows))})"]
    seen: dict[str, list[str]] = {}
    for name, what in rows:
        seen.setdefault(what, []).append(name)
    details = [f"{what} ({', '.join(names)})" for what, names in seen.items()]
    head = f"{Status.SUSPECT}: {sign}, {len(rows)} row{'s' if len(rows) > 1 else ''}"
    rest = f"; and {len(details) - _MAX_REASONS_SHOWN} more like it" if len(details) > _MAX_REASONS_SHOWN else ""
    return [f"{head}: {'; '.join(details[:_MAX_REASONS_SHOWN])}{rest}"]


def _trained(rows: Sequence[Row]) -> list[str]:
    """Return a line on the models whose weights were trained here, with the first digest of each."""
    digests: dict[str, list[str]] = {}
    for row in rows:
        if row.trained_weights:
            known = digests.setdefault(row.labels.get("model", "") or name_of(row), [])
            known += [row.trained_weights] if row.trained_weights not in known else []
    sets = [
        f"{model} {known[0][:KEY_LENGTH]}{f' and {len(known) - 1} more' if len(known) > 1 else ''}"
        for model, known in digests.items()
    ]
    return [f"weights trained here, which differ between machines: {', '.join(sets)}"] if sets else []


def _trusted(rows: Sequence[Row]) -> list[str]:
    """Return a line on the files that could run code in this process when they were loaded."""
    rows_by_file: dict[str, list[str]] = {}
    for row in rows:
        for file in row.facts.get("trusted", ()):
            rows_by_file.setdefault(file, []).append(row.labels.get("model", "") or name_of(row))
    files = [f"{file} ({', '.join(dict.fromkeys(names))})" for file, names in rows_by_file.items()]
    told = "files that could run code when they were loaded, trusted by the user"
    return [f"{told}: {'; '.join(files)}"] if files else []


def _within(estimates: Sequence[Estimate]) -> str:
    """Return the kinds of things that must be equal, e.g. "tokenizer"."""
    return " or ".join(dict.fromkeys(each.within.partition(" ")[0] for each in estimates if each.within))


def _differs(row: Row, above: Row, roles: Sequence[str]) -> bool:
    return any(row.labels.get(role) != above.labels.get(role) for role in roles)


def views(
    plan: Plan, rows: Sequence[Row], signatures: SignatureReader, catalog: Catalog
) -> list[tuple[str, str, TableView]]:
    """(name, question, view) of each experiment, and of its spread over seeds if it has any."""
    tables = []
    for name, experiment in plan.experiments.items():
        headings, units = {}, {}
        for use in (*experiment.metrics, *experiment.aggregates):
            signature = signatures.read(catalog.find(use.kind, use.name).component)
            if use.kind == "aggregate" and not signature.direction:
                continue
            headings[use.label] = metric_heading(use.label, signature.direction)
            units[use.label] = signature.unit
        own = [row for row in rows if row.experiment == name]
        for part, about, chosen, directed in parts_of(name, experiment.about, own):
            names = headings if directed else {label: metric_heading(label, "") for label in headings}
            tables.append((part, about, TableView(chosen, names, units)))
    return tables


def write_tables(
    folder: RunFolder,
    plan: Plan,
    rows: Sequence[Row],
    provenance: Mapping[str, Any],
    signatures: SignatureReader,
    catalog: Catalog,
    name: str = "table",
    lead: Lead | None = None,
) -> list[Path]:
    """Write table.md, table.csv and table.json with where they came from; return their paths.

    Another name than "table" may be given, and a lead that stands first in them.
    """
    origin = {name: provenance.get(name) for name in _ORIGIN}
    tables = views(plan, rows, signatures, catalog)
    footer = certificate_text(folder)
    folder.write_text(f"{name}.md", markdown(plan, tables, origin, lead.markdown if lead else "", footer))
    folder.write_text(f"{name}.csv", csv_text(rows))
    as_json = [row.to_json() for row in rows]
    first = {"suite": plan.suite, **({"headline": lead.to_json()} if lead else {})}
    metrics = described_metrics(plan, rows, signatures, catalog)
    folder.write_json(f"{name}.json", {**first, "provenance": origin, "metrics": metrics, "rows": as_json})
    return [folder.path / f"{name}.{suffix}" for suffix in ("md", "csv", "json")]


def origin_text(origin: Mapping[str, Any]) -> str:
    """Return the origin of a table in one line."""
    if not any(origin.values()):
        return f"where this was measured is not known: {RUN} is damaged"
    git = origin.get("git") or {}
    at = f" at {git.get('commit', '')[:10]}{' with changes' if git.get('dirty') else ''}" if git else ""
    threads = f"{origin['threads']} thread{'s' if origin['threads'] != 1 else ''}"
    device = origin["accelerator"] or f"{origin['processor']}, {threads}"
    versions = f"Python {origin['python']}, torch {origin['torch']}"
    return f"harness {origin['harness']}{at}, {versions}, {origin['device']} ({device})"


def markdown(
    plan: Plan,
    tables: Sequence[tuple[str, str, TableView]],
    origin: Mapping[str, Any],
    lead: str = "",
    footer: str = "",
) -> str:
    """The tables of a run as Markdown, with what stands before and behind them."""
    title = f"# {markdown_cell(plan.suite)}"
    parts = [title, markdown_line(plan.about)] if plan.about else [title]
    parts += [lead, *(["## All rows"] if len(tables) == 1 else [])] if lead else []
    for name, about, view in tables:
        if len(tables) > 1:
            parts += [f"## {markdown_cell(name)}"]
            parts += [markdown_line(about)] if about and about != plan.about else []
        constant = ", ".join(f"{role} {label}" for role, label in view.constants().items())
        columns, body = view.columns()
        parts += [f"{markdown_line(constant)}; intervals at 95 %.", text_table(columns, body, "github")]
        notes = view.notes()
        parts += ["\n".join(f"- {markdown_cell(note)}" for note in notes)] if notes else []
    parts += [markdown_line(origin_text(origin)), *([markdown_line(footer)] if footer else [])]
    return "\n\n".join(parts) + "\n"


def table_json(path: Path) -> list[Row]:
    """The rows of a table.json, also one that somebody else wrote.

    Raises:
        OSError: it cannot be read.
        InvalidOutput: it is no JSON, or a field of a row is not what it must be; the message says which.
    """
    try:
        raw = parse_json(read_plain(path))
    except (ValueError, RecursionError) as error:
        raise InvalidOutput(one_line(str(error))) from None
    check_shape(raw, dict, "it")
    check_shape(raw.get("rows"), list, "rows")
    return [row_of(each, f"row {number}") for number, each in enumerate(raw["rows"], 1)]
