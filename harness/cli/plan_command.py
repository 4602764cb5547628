"""`harness plan SUITE`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli import Session
from harness.cli.options import allow_imports_option, changes_options, results_option, trust_option
from harness.cli.streams import echo
from harness.contract.cells import SHOWN_ROLES
from harness.results.table import text_table
from harness.store.open import cached_signatures
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
    """Show the cells of SUITE, and which will be skipped and why. Nothing is run."""
    catalog = session.catalog()
    signatures = cached_signatures(results, catalog)
    document = load_suite(suite, Changes(**changes))
    with session.calls(catalog) as hooks:
        plan = make_plan(document, catalog, signatures, allow_imports=allow_imports, trust=trust, hooks=hooks)
    several = len(plan.experiments) > 1
    roles = [role for role in SHOWN_ROLES if any(role in cell.components for cell in plan.cells)]
    body = [
        [
            *([cell.experiment] if several else []),
            *(cell.labels.get(role, "") for role in roles),
            str(cell.seed),
            f"skip: {cell.skip}" if cell.skip else "run",
        ]
        for cell in plan.cells
    ]
    head = [*(["experiment"] if several else []), *roles, "seed", ""]
    echo(text_table(head, body))
    n, skipped = len(plan.cells), sum(bool(cell.skip) for cell in plan.cells)
    echo(f"\n{n} cells: {n - skipped} to run, {skipped} skipped, {plan.deselected} deselected")
    for warning in (*map(str, catalog.failures), *plan.warnings):
        echo(f"warning: {warning}", err=True)
    for label, parameters in drawn_parameters(cell.components.values() for cell in plan.cells).items():
        echo(f"{label}: {', '.join(f'{name} {short(value)}' for name, value in parameters.items())}")
    for experiment in plan.experiments.values():
        echo(f"{experiment.name}: metrics {', '.join(use.label for use in experiment.metrics)}")
