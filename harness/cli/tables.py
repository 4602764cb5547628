"""Printing the headline, what is not ok, and tables to the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from harness.cli.output import terminal_height, terminal_width
from harness.cli.streams import echo, styled
from harness.contract.errors import UsageError
from harness.contract.rows import Row, Status
from harness.escaping import on_a_line
from harness.plugins import Catalog
from harness.results.cost_table import cost_notes, cost_texts, model_costs
from harness.results.expectations import ExpectationResult
from harness.results.fitted import folded, width_of
from harness.results.headline.headline import Headline
from harness.results.headline.text import terminal_headline
from harness.results.table import TableView, text_table, views
from harness.results.terminal_table import STATUS, column_names, constants, terminal
from harness.signatures import SignatureReader
from harness.suite.plan import Plan
from harness.suite.schema import did_you_mean

_VERDICTS = {"passed": "green", "unresolved": "yellow", "failed": "red"}
_OPEN = (Status.SUSPECT, Status.SKIPPED, Status.INTERRUPTED)
NO_HEADLINE = Headline()


def print_tables(
    plan: Plan,
    rows: Sequence[Row],
    signatures: SignatureReader,
    catalog: Catalog,
    file: str = "table.md",
    *,
    headline: Headline = NO_HEADLINE,
    columns: Sequence[str] = (),
) -> None:
    """Print the table of every experiment, fitted to the terminal, or whole where the output is not a terminal.

    `file` has the whole table; a shortened one names it. Metrics of the headline are never left out.

    Raises:
        UsageError: `columns` names what no table has.
    """
    tables = [table for table in views(plan, rows, signatures, catalog) if table[2].rows]
    _check_columns(columns, [view for _, _, view in tables])
    width, styles = terminal_width(), {STATUS: status_styled, "": _doubt_styled}
    for name, about, view in tables:
        _print_title(plan, name, about)
        kept = headline.metrics_of(view.rows[0].experiment)
        echo(f"{folded(on_a_line(constants(view, kept)), width)}\n")
        echo(terminal(view, width, file, kept=kept, only=columns, styles=styles))
        for note in view.notes():
            echo(_note_styled(folded(note, width, "  ")))


def print_problems(plan: Plan, rows: Sequence[Row], signatures: SignatureReader, catalog: Catalog) -> None:
    """Print which rows are not ok, and why, each reason once."""
    for name, about, view in views(plan, rows, signatures, catalog):
        problems = list(_problems(view))
        if problems:
            _print_title(plan, name, about)
            n = sum(row.status is not Status.OK for row in view.rows)
            echo(f"{n} of {len(view.rows)} row{'s' if len(view.rows) != 1 else ''} not ok")
        for note in problems:
            echo(_note_styled(folded(note, terminal_width(), "  ")))


def print_headline(plan: Plan, headline: Headline) -> None:
    """Print the headline of a run: its rows, then its sentences."""
    echo()
    name, width, height = on_a_line(plan.suite), terminal_width(), terminal_height()
    about = f" — {' '.join(plan.about.split())}" if plan.about else ""
    echo(styled(name, bold=True), nl=False)
    echo(about)
    # One line is that of the prompt.
    left = None if height is None else height - 1 - math.ceil(width_of(name + about) / width)
    text = terminal_headline(headline, width, status_styled, left)
    if text:
        echo(text)


def _print_title(plan: Plan, name: str, about: str) -> None:
    echo()
    is_whole = f"{name}: ".startswith(f"{plan.suite}: ")
    echo(styled(on_a_line(name if is_whole else f"{plan.suite}: {name}"), bold=True), nl=False)
    question = " ".join((about or plan.about).split())
    echo(f" — {question}" if question else "")


def _check_columns(asked: Sequence[str], tables: Sequence[TableView]) -> None:
    known = list(dict.fromkeys(name for view in tables for name in column_names(view)))
    plain = {name.rstrip(" ↑↓") for name in known} | set(known)
    for name in asked:
        if name not in plain:
            raise UsageError(f"--columns {name!r}: no table has such a column; {did_you_mean(name, sorted(plain))}")


def _problems(view: TableView) -> Iterator[str]:
    beginnings = tuple(f"{status}:" for status in Status if status is not Status.OK)
    yield from (note for note in view.notes() if note.startswith(beginnings))


def status_styled(status: str) -> str:
    """A status in its colour: none if it is ok, yellow if it may be meant, red else."""
    if status == Status.OK:
        return status
    return styled(status, fg="yellow" if status in _OPEN else "red")


def _doubt_styled(number: str) -> str:
    return styled(number, fg="yellow") if number.endswith(" ?") else number


def _note_styled(note: str) -> str:
    status, colon, rest = note.partition(":")
    name = status.strip()
    return f"  {status_styled(name)}{colon}{rest}" if colon and name in list(Status) else note


def print_costs(rows: Sequence[Row]) -> None:
    """Print what the models of these rows took."""
    costs = model_costs(rows)
    headings, body = cost_texts(costs)
    echo()
    echo(styled("costs of the models", bold=True))
    echo(f"\n{text_table(headings, body)}" if body else "no row has a cost block")
    for note in cost_notes(costs):
        echo(f"  {on_a_line(note)}")


def print_expectations(expectations: Sequence[ExpectationResult]) -> None:
    """Print the result of each expectation of a suite, the failed ones last."""
    if expectations:
        echo()
    for verdict, colour in _VERDICTS.items():
        for result in expectations:
            if result.verdict == verdict:
                echo(f"{styled(verdict, fg=colour)}{on_a_line(str(result)).removeprefix(verdict)}")
