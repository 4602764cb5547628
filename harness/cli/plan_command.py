"""`harness plan SUITE`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli import Session
from harness.cli.options import allow_imports_option, changes_options, results_option, trust_option
from harness.cli.streams import echo
from harness.contract.cells import SHOWN_ROLES, Cell
from harness.coordinator.forecast import Forecast, duration, forecast_text, forecasts
from harness.results.table import text_table
from harness.store.open import cached_signatures
from harness.store.store import STORE
from harness.suite.changes import Changes
from harness.suite.draws import drawn_parameters
from harness.suite.load import load_suite
from harness.suite.resolve import make_plan
from harness.suite.variants import short


@click.command("plan")
@click.argument("suite")
@changes_options
@results_option
@allow_imports_option
@trust_option
@click.pass_obj
def command(
    session: Session, /, suite: str, results: Path, allow_imports: bool, trust: tuple[Path, ...], **changes: Any
) -> None:
    """Show the cells of SUITE, which will be skipped and why, and what they will take. Nothing is run.

    Times and passes are those that cells of the same task and components took before in this results folder, scaled by
    the number of examples; what was never measured is unknown.
    """
    catalog = session.catalog()
    signatures = cached_signatures(results, catalog)
    document = load_suite(suite, Changes(**changes))
    with session.calls(catalog) as hooks:
        plan = make_plan(document, catalog, signatures, allow_imports=allow_imports, trust=trust, hooks=hooks)
    expected = forecasts(plan.cells, results / STORE)
    is_known = any(expected.values())
    several = len(plan.experiments) > 1
    roles = [role for role in SHOWN_ROLES if any(role in cell.components for cell in plan.cells)]
    body = [
        [
            *([cell.experiment] if several else []),
            *(cell.labels.get(role, "") for role in roles),
            str(cell.seed),
            *([_forecast(expected.get(cell.id), cell)] if is_known else []),
            f"skip: {cell.skip}" if cell.skip else "run",
        ]
        for cell in plan.cells
    ]
    head = [*(["experiment"] if several else []), *roles, "seed", *(["takes"] if is_known else []), ""]
    echo(text_table(head, body))
    n, skipped = len(plan.cells), sum(bool(cell.skip) for cell in plan.cells)
    echo(f"\n{n} cells: {n - skipped} to run, {skipped} skipped, {plan.deselected} deselected")
    if expected:
        echo(forecast_text(plan.cells, expected))
    for warning in (*map(str, catalog.failures), *plan.warnings):
        echo(f"warning: {warning}", err=True)
    for label, parameters in drawn_parameters(cell.components.values() for cell in plan.cells).items():
        echo(f"{label}: {', '.join(f'{name} {short(value)}' for name, value in parameters.items())}")
    for experiment in plan.experiments.values():
        echo(f"{experiment.name}: metrics {', '.join(use.label for use in experiment.metrics)}")


def _forecast(expected: Forecast | None, cell: Cell) -> str:
    """What a cell will take, as its line tells it."""
    if cell.skip:
        return ""
    if expected is None:
        return "unknown"
    trained = f" + {duration(expected.training)} of training" if expected.training else ""
    passes = f", {expected.passes:.3g} passes" if expected.passes else ""
    return f"{duration(expected.seconds)}{trained}{passes}"
