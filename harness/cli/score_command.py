"""`harness score RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli import Session
from harness.cli.options import results_option
from harness.cli.streams import echo
from harness.cli.tables import print_tables
from harness.contract.errors import Exit
from harness.contract.rows import Status
from harness.results.table import write_tables
from harness.scoring.plugin_calls import Scoring
from harness.scoring.rescore import score, stored_plan, tasks_of
from harness.store.open import cached_signatures, open_store
from harness.store.run_folder import RunFolder
from harness.suite.resolve import resolve_metrics

_NAME = "score"


@click.command("score")
@click.argument("run")
@click.option(
    "--metrics",
    required=True,
    metavar="TEXT",
    help="Names separated by commas, or entries as in a suite: '[{use: NAME, with: {...}}, accuracy]'.",
)
@results_option
@click.pass_obj
def command(session: Session, run: str, metrics: str, results: Path) -> int:
    """Compute metrics on the stored records of RUN; no model runs and no record changes.

    RUN is the folder of a run, or the name of a suite for its latest run. The table is printed and written into the
    folder of the run as score.md, score.csv and score.json.
    """
    folder = RunFolder.find(run, results)
    catalog = session.catalog()
    store = open_store(results, needs_writing=False)
    signatures = cached_signatures(results, catalog)
    stored = stored_plan(folder)
    asked = resolve_metrics(metrics, tasks_of(stored), catalog, signatures, "--metrics")
    with session.calls(catalog) as calls:
        plan, rows = score(folder, stored, asked, Scoring(catalog, store, calls))
    files = write_tables(folder, plan, rows, folder.about_if_whole().get("provenance", {}), signatures, catalog, _NAME)
    print_tables(plan, rows, signatures, catalog, f"{_NAME}.md")
    n = f"{len(rows)} cell{'s' if len(rows) != 1 else ''}"
    echo(f"\n{n} scored. Results: {folder.path}: {', '.join(path.name for path in files)}")
    # A row that no metric applies to says so, and its records are right.
    is_ok = all(row.status.is_measured or row.status is Status.SKIPPED for row in rows)
    return Exit.OK if is_ok else Exit.CELL_NOT_OK
