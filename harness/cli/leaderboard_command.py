"""`harness leaderboard RESULTS`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli import Session
from harness.cli.options import results_option
from harness.cli.output import write_named_file
from harness.cli.streams import echo
from harness.contract.errors import UsageError
from harness.results.comparison.open_runs import open_latest
from harness.results.leaderboard.page import html_text
from harness.results.leaderboard.ranks import board, chosen_protocols, protocols
from harness.results.leaderboard.table import WRITERS, protocols_text


@click.command("leaderboard")
@click.argument("source", metavar="RESULTS")
@results_option
@click.option("--protocol", default="", metavar="KEY", help="Comparability key of the rows to rank, or its start.")
@click.option("--treatment", default="*", metavar="PATTERN", help="Rank only these attacks or samplers, e.g. 'pgd*'.")
@click.option("--metric", default="", help="Metric to rank by. [default: the first with a direction]")
@click.option(
    "--format", "layout", type=click.Choice(["text", "md", "csv", "tex", "html"]), default="text", show_default=True
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this .md, .csv, .tex or .html file."
)
@click.pass_obj
def command(
    session: Session,
    source: str,
    results: Path,
    protocol: str,
    treatment: str,
    metric: str,
    layout: str,
    output: Path | None,
) -> None:
    """Rank models that were measured under one protocol, with the ranks that the examples leave open.

    RESULTS is a results folder, of which the latest run of each suite is read, or the folder of a run, SUITE/RUN-ID,
    the name of a suite, or a table.json. Without --protocol the keys are listed with what they mean. Rows that are not
    ok are named below the ranks and never ranked.
    """
    writers = {**WRITERS, "html": html_text}
    if output is not None and output.suffix[1:] not in writers:
        raise UsageError(f"--output {str(output)!r}: the file must end in .md, .csv, .tex, .html")
    catalog = session.catalog()
    with session.calls(catalog) as calls:
        sides, notes = open_latest(source, results, catalog, calls)
        for note in notes:
            echo(note, err=True)
        candidates = protocols(sides)
        if not protocol:
            echo(protocols_text(candidates))
            echo("\nTo rank the models of one of them: --protocol KEY")
            return
        boards = [board(each, metric) for each in chosen_protocols(candidates, protocol, treatment)]
    text = writers[output.suffix[1:] if output is not None else layout](boards)
    if output is not None:
        write_named_file(output, text)
    else:
        echo(text.rstrip("\n"))
