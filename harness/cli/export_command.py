"""`harness export RUN`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from harness.cli import Session
from harness.cli.options import results_option
from harness.cli.output import write_named_file
from harness.cli.streams import echo
from harness.contract.errors import UsageError
from harness.exporting.benchmarks import Benchmarks
from harness.exporting.formats import FORMATS, export
from harness.exporting.numbers import Source
from harness.results.described_metrics import described_metrics
from harness.scoring.plugin_calls import Scoring
from harness.scoring.rows import recorded_rows
from harness.store.open import cached_signatures, open_store
from harness.store.run_folder import RunFolder

_MAX_NAMED = 5


def _source(run: str, results: Path, session: Session) -> Source:
    if Path(run).is_file():
        return Source.of_file(Path(run))
    folder = RunFolder.find(run, results)
    catalog = session.catalog()
    signatures = cached_signatures(results, catalog)
    with session.calls(catalog) as calls:
        plan, rows = recorded_rows(folder, Scoring(catalog, open_store(results, needs_writing=False), calls))
    about = folder.about_if_whole()
    metrics = described_metrics(plan, rows, signatures, catalog)
    return Source(plan.suite, rows, metrics, about.get("provenance", {}), about.get("started", ""))


def _write(files: Mapping[str, str], output: Path | None) -> None:
    """Print one text, or write one file, or a folder of several."""
    if output is None:
        if len(files) > 1:
            raise UsageError(f"there are {len(files)} files, one for each model; give a folder: --output FOLDER")
        for text in files.values():
            echo(text.rstrip("\n"))
    elif output.suffix and len(files) == 1:
        write_named_file(output, next(iter(files.values())))
    else:
        if output.is_file() or output.suffix:
            raise UsageError(f"--output {str(output)!r}: {len(files)} files need a folder")
        for name, text in files.items():
            output.mkdir(parents=True, exist_ok=True)
            write_named_file(output / name, text)


@click.command("export")
@click.argument("run")
@click.option("--format", "layout", type=click.Choice(list(FORMATS)), default="csv", show_default=True)
@click.option(
    "--output", type=click.Path(path_type=Path), help="File to write, or folder where there is one file for each model."
)
@click.option(
    "--benchmark",
    "claims",
    multiple=True,
    metavar="NAME[:TASK]=DIGEST",
    help="Data with this digest are this benchmark of the Hugging Face Hub; no other data are said to be. May be "
    "repeated.",
)
@results_option
@click.pass_obj
def command(
    session: Session, run: str, layout: str, output: Path | None, claims: tuple[str, ...], results: Path
) -> None:
    """Write the numbers of RUN in a format that others read, with their intervals.

    RUN is the folder of a run, the name of a suite for its latest run, or a table.json. What a format cannot hold, such
    as a row that failed, is named in what this prints.
    """
    source = _source(run, results, session)
    exported = export(source, layout, Benchmarks.of(claims, source))
    if not exported.files:
        raise UsageError(
            f"there is nothing to write as {layout}: no row has data that are claimed to be a benchmark; say which "
            "are: --benchmark ORG/NAME:TASK=DIGEST"
        )
    _write(exported.files, output)
    for line in exported.left_out[:_MAX_NAMED]:
        echo(f"left out: {line}", err=True)
    if len(exported.left_out) > _MAX_NAMED:
        echo(f"and {len(exported.left_out) - _MAX_NAMED} more without a place in {layout}", err=True)
