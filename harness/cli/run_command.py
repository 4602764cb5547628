"""`harness run SUITE`."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import results_option

if TYPE_CHECKING:
    from harness.cli import Session
    from harness.engine.runner import Finished
    from harness.plugins import Catalog
    from harness.signatures import SignatureReader
    from harness.suite.plan import Plan


@click.command("run")
@click.argument("suite")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:N, mps or auto.")
@results_option
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=128,
    show_default=True,
    help="Examples at once; results do not depend on it.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Torch threads on the CPU. [default: the suite's, else the cores this process may use]",
)
@click.pass_obj
def command(session: Session, suite: str, device: str, results: Path, batch_size: int, threads: int | None) -> int:
    """Run SUITE, a YAML file or the name of a shipped suite, and print its table.

    Finished cells and trained weights are kept, so a second run does only what is missing.
    """
    from harness.cli.display import make_display
    from harness.engine.devices import choose_device
    from harness.engine.runner import Options, cached_signatures, open_store, run_plan
    from harness.suite.load import load_suite
    from harness.suite.resolve import make_plan

    loaded = load_suite(suite)
    catalog = session.catalog()
    chosen = choose_device(device)
    store = open_store(results)
    signatures = cached_signatures(store, catalog)
    plan = make_plan(loaded, catalog, signatures)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    options = Options(results, chosen, batch_size, threads or loaded.head.threads or cores, session.debug)
    display = make_display()
    for warning in (*map(str, catalog.failures), *plan.warnings):
        display.warn(warning)
    finished = run_plan(plan, catalog, signatures, store, options, display)
    _show(plan, finished, signatures, catalog)
    return int(finished.exit_code)


def _show(plan: Plan, finished: Finished, signatures: SignatureReader, catalog: Catalog) -> None:
    from harness.cli.tables import print_tables

    print_tables(plan, finished.rows, signatures, catalog)
    n = len(plan.cells)
    done = f"{finished.n_run} of {n} cells run"
    if finished.n_reused == n:
        done = f"nothing to do: all {n} cells were finished before"
    reused = f", {finished.n_reused} reused" if 0 < finished.n_reused < n else ""
    deselected = f", {plan.deselected} deselected" if plan.deselected else ""
    click.echo(f"\n{done}{reused}{deselected}. Results: {finished.folder.path}")
    pictures = [path.name for path in finished.files if path.suffix == ".png"]
    if pictures:
        click.echo(f"Pictures there: {', '.join(pictures)}")
    if finished.exit_code == 130:
        click.echo(f"Interrupted. What is done is kept; to go on: harness {shlex.join(sys.argv[1:])}", err=True)
