"""`harness explain RUN CELL`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from tabulate import tabulate

from harness.cli.options import results_option
from harness.contract.cells import Cell
from harness.coordinator.explain import explain
from harness.store.cell_result import CellResult
from harness.store.run_folder import RunFolder

_LOG_LINES = 20


@click.command("explain")
@click.argument("run")
@click.argument("cell")
@results_option
def command(run: str, cell: str, results: Path) -> None:
    """Say what a CELL of RUN was, why it ran or was reused, what was attempted, and what it printed last.

    CELL is a row as the table prints it, such as "hardened / fmn" (with "seed 1" or the experiment where several are
    called so), its key, its id, or a part of the id.
    """
    folder = RunFolder.find(run, results)
    explanation = explain(folder, cell)
    click.secho(explanation.cell.id, bold=True, nl=False)
    click.echo(f"  in {folder.path}")
    click.echo(tabulate(_parts(explanation.cell), tablefmt="plain"))
    click.echo(f"\n{explanation.how}: {explanation.why}")
    if explanation.differences:
        body = [[d.field, d.before, d.after] for d in explanation.differences]
        click.echo(tabulate(body, ["what differs", "then", "now"], tablefmt="simple", disable_numparse=True))
    if explanation.result is not None:
        _show_result(explanation.result)
    if explanation.log.strip():
        lines = explanation.log.rstrip().splitlines()
        click.echo(f"\nlog{f', the last {_LOG_LINES} of {len(lines)} lines' if len(lines) > _LOG_LINES else ''}:")
        for line in lines[-_LOG_LINES:]:
            click.echo(f"  {line}")


def _parts(cell: Cell) -> list[list[str]]:
    uses = [("task", cell.task), *((str(role), use) for role, use in cell.components.items())]
    rows = []
    for role, use in uses:
        parameters = {} if use is None else use.identity["parameters"]
        values = ", ".join(f"{name} {json.dumps(value)}" for name, value in parameters.items())
        rows.append([f"  {role}", use.label if use else "none", use.name if use else "", values])
    return [*rows, ["  seed", str(cell.seed), "", ""]]


def _show_result(result: CellResult) -> None:
    seconds = "" if result.seconds is None else f", {result.seconds:.2f} s"
    where = f" on {result.device}, batch size {result.batch_size}" if result.device else ""
    click.echo(f"\n{result.status}{f': {result.reason}' if result.reason else ''}{seconds}{where}, {result.started}")
    for number, attempt in enumerate(result.attempts, start=1):
        click.echo(f"  attempt {number}: {attempt['status']}, batch size {attempt['batch_size']}: {attempt['reason']}")
    for used in result.weights:
        click.echo(f"  weights {used['key'][:12]}, trained in {used['seconds']:.1f} s")
