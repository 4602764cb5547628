"""`harness history SUITE`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from harness.cli import Session
from harness.cli.options import results_option
from harness.cli.output import terminal_width, write_named_file
from harness.cli.streams import echo, styled
from harness.contract.errors import Exit, HarnessError, UsageError
from harness.contract.tasks import Direction
from harness.escaping import json_text, on_a_line
from harness.results.history.plot import draw_history
from harness.results.history.series import PastRun, Series, collect_series, read_runs
from harness.results.history.table import Reading, Readings, heading, history_json, history_table, notes, worse_in
from harness.statistics.changes import NOTE
from harness.store.open import cached_signatures
from harness.store.run_folder import RunFolder
from harness.suite.load import load_suite

_DIRECTIONS: Mapping[str, Direction] = {"max": "max", "min": "min"}


@click.command("history")
@click.argument("suite")
@results_option
@click.option("--metric", help='Show only this metric, this cost, or "seconds" for the time taken.')
@click.option("--last", type=click.IntRange(min=1), help="Read only this many of the latest finished runs.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the picture. [default: history-SUITE.png beside the runs]",
)
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="File for all series.")
@click.option(
    "--gate",
    is_flag=True,
    help="Exit with 3 if a metric became worse, beyond the noise, in the latest run, or a row is not ok any more.",
)
@click.pass_obj
def command(
    session: Session,
    suite: str,
    results: Path,
    metric: str | None,
    last: int | None,
    output: Path | None,
    json_file: Path | None,
    gate: bool,
) -> int:
    """Show every row of SUITE over its finished runs, and mark changes that exceed the noise.

    SUITE is the name of a suite, or its file.
    """
    name = _name_of(suite)
    runs, problems = read_runs(results, name, last)
    for problem in problems:
        echo(f"{styled('warning:', fg='yellow')} {problem}", err=True)
    series = collect_series(runs, metric)
    if not series:
        raise UsageError(f"the finished runs of suite {name!r} hold no number: no row of them is ok")
    readings = _readings(session, RunFolder(results / name / runs[-1].run), results)
    _print(name, series, runs, readings)
    picture = output or results / name / f"history-{name}.png"
    left_out = draw_history(series, runs, readings, picture)
    echo(f"\nPicture: {picture}" + (f" ({left_out}; --metric narrows)" if str(left_out) else ""))
    if json_file is not None:
        text = json_text(history_json(name, series, runs, readings), indent=1)
        write_named_file(json_file, text + "\n")
        echo(f"Series: {json_file}")
    worse = worse_in(runs[-1].run, series, readings) if gate else []
    if worse:
        first = worse[0]
        what = f"{heading(first, readings)} of {' / '.join(first.row.labels.values())}"
        left = f" and {len(worse) - 1} more" if len(worse) > 1 else ""
        prefix = styled("gate failed:", fg="red", bold=True)
        echo(f"{prefix} worse or lost in {runs[-1].run}: {on_a_line(what)}{left}", err=True)
    return Exit.GATE_FAILED if worse else Exit.OK


def _name_of(suite: str) -> str:
    """The name of a suite that is given by its name or by its file."""
    if Path(suite).suffix not in (".yaml", ".yml"):
        return suite
    return load_suite(suite).head.suite


def _readings(session: Session, folder: RunFolder, results: Path) -> Readings:
    """Directions and units of the metrics of a run; a metric that is no longer installed has none."""
    catalog = session.catalog()
    signatures = cached_signatures(results, catalog)
    try:
        plan = folder.plan()
    except UsageError:  # Another version wrote it; its numbers can be read, its plan cannot.
        return {}
    readings = {}
    for experiment in plan["experiments"]:
        for use in (plan["uses"][key] for key in experiment["metrics"]):
            try:
                signature = signatures.read(catalog.find("metric", use["name"]).component)
            except HarnessError:
                continue
            direction = _DIRECTIONS.get(signature.direction, "none")
            readings[experiment["name"], use["label"]] = Reading(direction, signature.unit)
    return readings


def _print(name: str, series: Sequence[Series], runs: Sequence[PastRun], readings: Readings) -> None:
    table = history_table(series, readings)
    constants = [f"{role} {label}" for role, label in table.constants.items()]
    echo()
    echo(styled(name, bold=True), nl=False)
    echo(f" — history over {len(runs)} {'run' if len(runs) == 1 else 'runs'}")
    echo(on_a_line(", ".join(constants)) + "; intervals at 95 %\n")
    echo(table.terminal(terminal_width()))
    for note in (*notes(series, runs), NOTE):
        echo("  " + note.replace("\n", "\n  "))
