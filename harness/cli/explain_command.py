"""`harness explain RUN CELL`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli import Session
from harness.cli.options import no_examples_option, results_option
from harness.cli.streams import echo, styled
from harness.contract.cells import Cell
from harness.coordinator.explain import explain
from harness.results.table import text_table
from harness.scoring.redaction import Redactor
from harness.store.cell_result import CellResult
from harness.store.run_folder import RunFolder

_LOG_LINES = 20


@click.command("explain")
@click.argument("run")
@click.argument("cell")
@results_option
@no_examples_option
@click.pass_obj
def command(session: Session, run: str, cell: str, results: Path, *, no_examples: bool) -> None:
    """Say what a CELL of RUN was, why it ran or was reused, what was attempted, and what it printed last.

    CELL is a row as the table prints it, such as "hardened / fmn" (with "seed 1" or the experiment where several are
    called so), its key, its id, or a part of the id.
    """
    folder = RunFolder.find(run, results)
    explanation = explain(folder, cell)
    echo(styled(explanation.cell.id, bold=True), nl=False)
    echo(f"  in {folder.path}")
    echo(text_table([], _parts(explanation.cell), "plain"))
    echo(f"\n{explanation.how}: {explanation.why}")
    if explanation.differences:
        body = [[d.field, d.before, d.after] for d in explanation.differences]
        echo(text_table(["what differs", "then", "now"], body))
    catalog, examples = session.catalog(), not no_examples and folder.about_if_whole().get("examples", True)
    with session.calls(catalog) as calls:
        redact = Redactor(catalog, calls, examples=examples)
        if explanation.result is not None:
            _show_result(explanation.result, redact)
        lines = redact(explanation.log.rstrip()).splitlines() if examples and explanation.log.strip() else []
    if lines:
        echo(f"\nlog{f', the last {_LOG_LINES} of {len(lines)} lines' if len(lines) > _LOG_LINES else ''}:")
    for line in lines[-_LOG_LINES:]:
        echo(f"  {line}")


def _parts(cell: Cell) -> list[list[str]]:
    uses = [("task", cell.task), *((str(role), use) for role, use in cell.components.items())]
    rows = []
    for role, use in uses:
        parameters = {} if use is None else use.identity["parameters"]
        values = ", ".join(f"{name} {json.dumps(value)}" for name, value in parameters.items())
        rows.append([f"  {role}", use.label if use else "none", use.name if use else "", values])
    return [*rows, ["  seed", str(cell.seed), "", ""]]


def _show_result(result: CellResult, redact: Redactor) -> None:
    seconds = "" if result.seconds is None else f", {result.seconds:.2f} s"
    where = f" on {result.device}, batch size {result.batch_size}" if result.device else ""
    why = f": {redact.reason(result.reason)}" if result.reason else ""
    echo(f"\n{result.status}{why}{seconds}{where}, {result.started}")
    for number, attempt in enumerate(result.attempts, start=1):
        status, size, reason = (attempt.get(name) for name in ("status", "batch_size", "reason"))
        echo(f"  attempt {number}: {status}, batch size {size}: {redact.reason(str(reason))}")
    for used in result.weights:
        echo(f"  weights {used['key'][:12]}, trained in {used.get('seconds', 0.0):.1f} s")
