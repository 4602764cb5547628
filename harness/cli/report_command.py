"""`harness report RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli import Session
from harness.cli.options import no_examples_option, results_option
from harness.cli.output import write_named_file
from harness.cli.streams import echo
from harness.contract.cells import digest
from harness.contract.errors import StoreError, UsageError
from harness.results.comparison.compare import compare
from harness.results.comparison.open_runs import open_side, side_of
from harness.results.headline.make import run_headline
from harness.results.named_rows import rows_called
from harness.results.report.baseline import make_baseline
from harness.results.report.page import REPORT, make_page, render
from harness.results.table import views
from harness.scoring.plugin_calls import Scoring
from harness.scoring.rows import recorded_rows
from harness.store.open import cached_signatures, open_store
from harness.store.run_folder import RunFolder


@click.command("report")
@click.argument("run")
@click.argument("row", required=False)
@results_option
@no_examples_option
@click.option("--baseline", metavar="RUN", help="Also show what differs from this run, as `harness compare` does.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Page file. [default: report.html of the run]"
)
@click.pass_obj
def command(
    session: Session,
    run: str,
    row: str | None,
    results: Path,
    output: Path | None,
    baseline: str | None,
    *,
    no_examples: bool,
) -> None:
    """Write RUN as one HTML page that needs no other file and no network, and print its path.

    RUN is the folder of a run, or the name of a suite for its latest run. With ROW the page is about that row alone,
    named as the table prints it, by its key, or by the id of its cell.
    """
    folder = RunFolder.find(run, results)
    catalog = session.catalog()
    store = open_store(results, needs_writing=False)
    with session.calls(catalog) as calls:
        plan, rows = recorded_rows(folder, Scoring(catalog, store, calls, examples=not no_examples))
        signatures = cached_signatures(results, catalog)
        rows = rows_called(row, rows) if row is not None else rows
        name = REPORT if row is None else f"report-{digest(row)[:8]}.html"
        tables = [table for table in views(plan, rows, signatures, catalog) if table[2].rows]
        headline = None if row is not None else run_headline(folder, plan, rows, catalog, signatures, calls)
        against = None
        if baseline is not None:
            ours = side_of(folder, plan, rows, catalog, signatures, calls)
            against = make_baseline(compare(open_side(baseline, results, catalog, calls), ours))
        page = make_page(folder, plan, rows, tables, catalog, calls, headline, against, examples=not no_examples)
    for warning in page.warnings:
        echo(f"warning: {warning}", err=True)
    text = render(page)
    if output is None:
        try:
            folder.write_text(name, text)
        except StoreError as error:
            raise UsageError(f"{error}; --output FILE writes the page elsewhere") from None
    else:
        write_named_file(output, text)
    echo(output or folder.path / name)
