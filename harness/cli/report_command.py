"""`harness report RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli import Session
from harness.cli.options import no_examples_option, results_option
from harness.cli.output import write_named_file
from harness.cli.streams import echo
from harness.contract.errors import StoreError, UsageError
from harness.results.report.page import REPORT, make_page, render
from harness.results.table import views
from harness.scoring.plugin_calls import Scoring
from harness.scoring.rows import recorded_rows
from harness.store.open import cached_signatures, open_store
from harness.store.run_folder import RunFolder


@click.command("report")
@click.argument("run")
@results_option
@no_examples_option
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Page file. [default: report.html of the run]"
)
@click.pass_obj
def command(session: Session, run: str, results: Path, output: Path | None, *, no_examples: bool) -> None:
    """Write RUN as one HTML page that needs no other file and no network, and print its path.

    RUN is the folder of a run, or the name of a suite for its latest run.
    """
    folder = RunFolder.find(run, results)
    catalog = session.catalog()
    store = open_store(results, needs_writing=False)
    with session.calls(catalog) as calls:
        plan, rows = recorded_rows(folder, Scoring(catalog, store, calls))
        shown = views(plan, rows, cached_signatures(results, catalog), catalog)
        page = make_page(folder, plan, rows, shown, catalog, calls, examples=not no_examples)
    for warning in page.warnings:
        echo(f"warning: {warning}", err=True)
    text = render(page)
    if output is None:
        try:
            folder.write_text(REPORT, text)
        except StoreError as error:
            raise UsageError(f"{error}; --output FILE writes the page elsewhere") from None
    else:
        write_named_file(output, text)
    echo(output or folder.path / REPORT)
