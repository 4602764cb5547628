"""`harness run SUITE`."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Unpack

import click

from harness.cli import Session
from harness.cli.options import (
    allow_imports_option,
    changes_options,
    columns_option,
    environment_option,
    no_examples_option,
    results_option,
    store_option,
    trust_option,
)
from harness.cli.streams import echo
from harness.contract.errors import UsageError

if TYPE_CHECKING:
    from harness.cli.events import EventDisplay
    from harness.coordinator.options import RunArguments
    from harness.coordinator.prepared import Prepared
    from harness.coordinator.runner import Finished


def time_limit_of(text: str | None) -> float | None:
    """The seconds of `--time-limit`."""
    from harness.coordinator.time_limit import seconds_of

    return None if text is None else seconds_of(text)


@click.command("run")
@click.argument("suite")
@changes_options
@click.option("--force", is_flag=True, help="Measure every cell anew; trained weights are kept.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:N, mps, auto, or cuda:0,cuda:1.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Number of cells to run at a time. [default: one per device]"
)
@results_option
@store_option
@allow_imports_option
@trust_option
@no_examples_option
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=128,
    show_default=True,
    help="Number of examples in a batch; results do not depend on it.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Number of torch threads on the CPU, divided among the workers. [default: the suite's, else 1]",
)
@click.option(
    "--isolation",
    type=click.Choice(["inline", "process", "cell"]),
    help="Run cells in this process, in kept workers, or each in a new worker. [default: the suite's, else process]",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds that a cell may take, training included. [default: the suite's, else 3600]",
)
@click.option(
    "--time-limit",
    metavar="TIME",
    callback=lambda _context, _parameter, text: time_limit_of(text),
    help="Run what fits into e.g. 45m or 2h by what such cells took before, in the order of the suite.",
)
@click.option("--executor", default="", help="Run cells on this executor of a plugin; see `harness list executor`.")
@click.option(
    "--executor-with",
    multiple=True,
    metavar="KEY=VALUE",
    help="A parameter of the executor; may be given several times. VALUE is YAML.",
)
@click.option(
    "--wait-for-workers",
    type=click.FloatRange(min=0),
    default=600.0,
    show_default=True,
    help="Seconds without any worker of the executor after which what has not run is given up.",
)
@environment_option
@click.option("--quiet", "-q", is_flag=True, help="Print the headline alone, and warnings.")
@click.option("--verbose", "-v", is_flag=True, help="Print a line for every cell that starts or ends.")
@click.option("--events", type=click.Choice(["jsonl"]), help="Print a JSON object for every event, and nothing else.")
@click.option("--full", is_flag=True, help="Print the whole tables, not only the headline and what is not ok.")
@columns_option
@click.option("--pdb", "debugger", is_flag=True, help="Run inline and debug the first exception of a plugin.")
@click.pass_obj
def command(
    session: Session,
    /,
    suite: str,
    debugger: bool,
    full: bool,
    columns: tuple[str, ...],
    quiet: bool,
    verbose: bool,
    events: str | None,
    **how: Unpack[RunArguments],
) -> int:
    """Run SUITE, a YAML file or the name of a shipped suite, and print what is not ok and its headline.

    Finished cells and trained weights are kept, so a second run does only what is missing.
    """
    from harness.cli.display import make_display
    from harness.cli.events import EventDisplay
    from harness.cli.job_summary import add_to_job_summary
    from harness.coordinator.options import RunOptions
    from harness.coordinator.prepared import prepare
    from harness.coordinator.runner import run_all

    how |= {"plugin_folders": session.plugins_dirs, "debug": session.debug or debugger}
    if quiet + verbose + bool(events) > 1:
        raise UsageError("--quiet, --verbose and --events exclude each other")
    if sys.stderr.isatty() and not quiet and not events:
        echo(f"planning {suite} …", err=True)
    prepared = prepare(suite, RunOptions(**how))
    display = EventDisplay(line_writer()) if events else make_display(verbose=verbose, quiet=quiet)
    for warning in prepared.warnings:
        display.warn(warning)
    finished = run_all(prepared, display)
    add_to_job_summary(prepared.plan.suite, finished.headline)
    if isinstance(display, EventDisplay):
        tell_end(display, finished)
    elif quiet:
        from harness.cli.tables import print_headline

        print_headline(prepared.plan, finished.headline)
    else:
        _show(prepared, finished, columns, full=full or bool(columns))
    return int(finished.exit_code)


def line_writer() -> Callable[[str], None]:
    """What writes a line to the standard output of now: while a cell runs, that of plugins goes to its log."""
    stream = sys.stdout
    return lambda line: print(line, file=stream, flush=True)


def tell_end(display: EventDisplay, finished: Finished) -> None:
    """Write the last event of a run."""
    display.finished(
        exit_code=int(finished.exit_code),
        run=finished.n_run,
        reused=finished.n_reused,
        statuses=Counter(str(row.status) for row in finished.rows),
        headline=finished.headline.sentences,
        folder=str(finished.folder.path),
    )


def _show(prepared: Prepared, finished: Finished, columns: tuple[str, ...], *, full: bool) -> None:
    """Print the details first and the headline last, next to the prompt."""
    from harness.cli.tables import print_expectations, print_headline, print_problems, print_tables

    plan, made_of = prepared.plan, (finished.rows, prepared.signatures, prepared.catalog)
    if full:
        print_tables(plan, *made_of, headline=finished.headline, columns=columns)
        print_expectations(finished.expectations)
    else:
        print_problems(plan, *made_of)
        print_expectations([result for result in finished.expectations if result.verdict != "passed"])
    _print_counts(prepared, finished)
    print_headline(plan, finished.headline)
    if finished.exit_code == 130:
        echo(f"Interrupted. Finished cells are kept; to continue: harness {shlex.join(sys.argv[1:])}", err=True)


def _print_counts(prepared: Prepared, finished: Finished) -> None:
    plan, n = prepared.plan, len(prepared.plan.cells)
    done = f"{finished.n_run} of {n} cell{'s' if n != 1 else ''} run"
    if not n:
        done = "nothing to do: there are no cells"
    elif finished.n_reused == n:
        done = f"nothing to do: {f'all {n} cells were' if n > 1 else 'the cell was'} finished before"
    reused = f", {finished.n_reused} reused" if 0 < finished.n_reused < n else ""
    deselected = f", {plan.deselected} deselected" if plan.deselected else ""
    echo(f"\n{done}{reused}{deselected}. Results: {finished.folder.path}")
    pictures = [path.name for path in finished.files if path.suffix == ".png"]
    if pictures:
        echo(f"Pictures there: {', '.join(pictures)}")
