"""Printing tables to the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from harness.cli.output import terminal_width
from harness.cli.streams import echo, styled
from harness.contract.rows import Row
from harness.escaping import on_a_line
from harness.plugins import Catalog
from harness.results.cost_table import cost_notes, cost_texts, model_costs
from harness.results.expectations import ExpectationResult
from harness.results.table import terminal, text_table, views
from harness.signatures import SignatureReader
from harness.suite.plan import Plan

_COLOURS = {"passed": "green", "unresolved": "yellow", "failed": "red"}


def print_tables(
    plan: Plan, rows: Sequence[Row], signatures: SignatureReader, catalog: Catalog, file: str = "table.md"
) -> None:
    """Print the table of every experiment, fitted to the terminal, or whole where the output is not a terminal.

    `file` has the whole table; a shortened one names it.
    """
    width = terminal_width()
    for name, about, view in views(plan, rows, signatures, catalog):
        echo()
        is_whole = f"{name}: ".startswith(f"{plan.suite}: ")
        echo(styled(on_a_line(name if is_whole else f"{plan.suite}: {name}"), bold=True), nl=False)
        question = " ".join((about or plan.about).split())
        echo(f" — {question}" if question else "")
        constants = ", ".join(f"{role} {label}" for role, label in view.constants().items())
        echo(f"{on_a_line(constants)}; intervals at 95 %\n")
        echo(terminal(view, width, file))
        for note in view.notes():
            echo(f"  {note}")


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
    for verdict, colour in _COLOURS.items():
        for result in expectations:
            if result.verdict == verdict:
                echo(f"{styled(verdict, fg=colour)}{on_a_line(str(result)).removeprefix(verdict)}")
