"""`harness table RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli import Session
from harness.cli.options import columns_option, results_option
from harness.cli.output import only_printed
from harness.cli.streams import echo
from harness.cli.tables import print_costs, print_expectations, print_headline, print_tables
from harness.contract.errors import UsageError
from harness.coordinator.joined_shards import join_shards
from harness.coordinator.writing import ending_of, exit_code_of
from harness.escaping import on_a_line
from harness.results.certificate import certificate_text
from harness.results.expectations import check_expectations
from harness.results.headline.make import run_headline
from harness.results.named_rows import rows_called
from harness.results.table import write_tables
from harness.scoring.plugin_calls import Scoring
from harness.scoring.rows import recorded_rows
from harness.store.open import cached_signatures, open_store
from harness.store.run_folder import RunFolder

_MAX_NAMED = 3


def _other_runs(names: tuple[str, ...], results: Path) -> list[RunFolder]:
    """The runs that are named beside the first; none where a row is named."""
    if len(names) > 1:
        return [RunFolder.find(name, results) for name in names]
    try:
        return [RunFolder.find(name, results) for name in names]
    except UsageError:
        return []


def _joined(runs: list[RunFolder], results: Path) -> RunFolder:
    joined, missing = join_shards(runs, results)
    echo(f"{len(runs)} shards make {joined.path}")
    if missing:
        more = f" and {len(missing) - _MAX_NAMED} more" if len(missing) > _MAX_NAMED else ""
        echo(f"warning: no shard has {', '.join(missing[:_MAX_NAMED])}{more}", err=True)
    return joined


@click.command("table")
@click.argument("run")
@click.argument("others", nargs=-1, metavar="[ROW | RUN...]")
@columns_option
@click.option("--costs", is_flag=True, help="Print what the models took too: parameters, FLOPs, training.")
@results_option
@click.pass_obj
def command(
    session: Session, run: str, others: tuple[str, ...], results: Path, columns: tuple[str, ...], *, costs: bool
) -> int:
    """Make the table of RUN again from its records, write it and print it.

    RUN is the folder of a run, or the name of a suite for its latest run. With ROW only that row is printed: as the
    table prints it, such as "hardened / fmn", by its key, or by the id of its cell. With several runs, the shards of
    one plan (`harness run --shard`), a run of the whole is made of them first; the exit code is then that of such a
    run.
    """
    folder = RunFolder.find(run, results)
    row = None
    if shards := _other_runs(others, results):
        folder = _joined([folder, *shards], results)
    elif others:
        (row,) = others
    catalog = session.catalog()
    store = open_store(results, needs_writing=False)
    signatures = cached_signatures(results, catalog)
    with session.calls(catalog) as calls:
        plan, rows = recorded_rows(folder, Scoring(catalog, store, calls))
        if row is not None:
            print_tables(plan, rows_called(row, rows), signatures, catalog, columns=columns)
            return 0
        headline = run_headline(folder, plan, rows, catalog, signatures, calls)
    origin = folder.about_if_whole().get("provenance", {})
    with only_printed():
        write_tables(folder, plan, rows, origin, signatures, catalog, lead=headline)
    print_tables(plan, rows, signatures, catalog, headline=headline, columns=columns)
    if footer := certificate_text(folder):
        echo(on_a_line(footer))
    if costs:
        print_costs(rows)
    expectations = check_expectations(plan, rows)
    print_expectations(expectations)
    print_headline(plan, headline)
    if not shards:
        return 0
    exit_code = exit_code_of(rows, expectations, is_interrupted=False)
    folder.write_about(folder.about() | ending_of(rows, expectations, exit_code))
    return int(exit_code)
