"""`harness compare A B`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli import Session
from harness.cli.options import no_examples_option, results_option
from harness.cli.output import terminal_width, write_named_file
from harness.cli.streams import echo, styled
from harness.contract.errors import Exit, UsageError
from harness.results.comparison.compare import compare
from harness.results.comparison.open_runs import open_sides
from harness.results.comparison.page import html_text
from harness.results.comparison.table import WRITERS, terminal_text
from harness.scoring.redaction import Redactor

PAGE = ".html"
_COLOURS = {"worse": "red", "better": "green", "changed": "yellow", "not comparable": "yellow"}


@click.command("compare")
@click.argument("a")
@click.argument("b")
@results_option
@click.option(
    "--pair",
    "pairs",
    multiple=True,
    metavar="OLD=NEW",
    help="Compare rows of A labelled OLD with rows of B labelled NEW, e.g. two models. May be repeated.",
)
@click.option(
    "--allow",
    "allowed",
    multiple=True,
    metavar="FIELD",
    help="Compare although FIELD differs, e.g. attack.eps; the output says so. May be repeated.",
)
@click.option("--all", "everything", is_flag=True, help="Also show what is not resolved, and each row left out.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="Compare this metric only, in the gate too; rows that are lost still count. May be repeated.",
)
@click.option("--gate", is_flag=True, help="Exit with 3 if anything is worse, or was ok in A and cannot be compared.")
@click.option(
    "--reproduce",
    is_flag=True,
    help="As --gate, and exit with 3 also if anything is better or changed: a committed table must come out again.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write to a .md, .csv, .json or .html file; the page shows the examples that only one side gets wrong.",
)
@no_examples_option
@click.pass_obj
def command(
    session: Session,
    a: str,
    b: str,
    results: Path,
    pairs: tuple[str, ...],
    allowed: tuple[str, ...],
    everything: bool,
    metrics: tuple[str, ...],
    gate: bool,
    reproduce: bool,
    output: Path | None,
    no_examples: bool,
) -> int:
    """Compare run B with run A: what is better, what is worse, what the examples do not resolve.

    A and B are each the folder of a run, SUITE/RUN-ID, the name of a suite for its latest run, or a table.json. Runs
    over the same examples are compared example by example. Rows that do not measure the same thing are not
    compared, and the output names what differs.
    """
    if output is not None and output.suffix not in (*WRITERS, PAGE):
        raise UsageError(f"--output {str(output)!r}: the file must end in {', '.join((*WRITERS, PAGE))}")
    catalog = session.catalog()
    with session.calls(catalog) as calls:
        sides = open_sides(a, b, results, catalog, calls)
        comparison = compare(*sides, pairs, allowed, metrics)
        page = ""
        if output is not None and output.suffix == PAGE:
            page = html_text(comparison, *sides, Redactor(catalog, calls), examples=not no_examples)
    gate = gate or reproduce
    failed = gate and (comparison.gate_fails or (reproduce and not comparison.reproduces))
    refusal = comparison.refusal()
    if refusal and not (gate and comparison.loses_rows):
        raise refusal
    if output is not None:
        write_named_file(output, page or WRITERS[output.suffix](comparison))
    width = terminal_width()
    echo(terminal_text(comparison, width, everything=everything, style=_styled))
    if failed:
        prefix = styled("gate failed:", fg="red", bold=True)
        what = (
            "worse or cannot be compared" if comparison.gate_fails else "better or changed, and should come out again"
        )
        echo(f"{prefix} in {b}, something that was ok in {a} is {what}", err=True)
    return Exit.GATE_FAILED if failed else Exit.OK


def _styled(verdict: str) -> str:
    return styled(verdict, fg=_COLOURS.get(verdict))
