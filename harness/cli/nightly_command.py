"""`harness nightly SUITE`."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import Session
from harness.cli.display import make_display
from harness.cli.events import EventDisplay
from harness.cli.job_summary import add_to_job_summary, append_to_job_summary
from harness.cli.output import write_named_file
from harness.cli.run_command import command as run_command
from harness.cli.run_command import line_writer, tell_end
from harness.cli.streams import echo, styled
from harness.contract.errors import Exit
from harness.coordinator.options import RunOptions
from harness.coordinator.prepared import prepare
from harness.coordinator.runner import run_all
from harness.results.comparison.compare import compare
from harness.results.comparison.open_runs import open_side
from harness.results.nights.files import annotation_lines, junit_xml, summary_markdown, terminal_lines
from harness.results.nights.judge import NIGHT, Night, judge, quiet_run
from harness.store.run_folder import BASELINE, RunFolder

if TYPE_CHECKING:
    from harness.coordinator.runner import Finished

_OWN = ("suite", "quiet", "verbose", "events", "full", "columns", "debugger", "debug", "plugins_dirs")
_COLOURS = {"regression": "red", "suspicious": "yellow"}


@click.command("nightly")
@click.argument("suite")
@click.option(
    "--baseline",
    default="previous",
    show_default=True,
    metavar="RUN",
    help="What to compare with: `previous`, the latest finished run that raised no alarm; `baseline`, which --accept "
    "named; the folder of a run, SUITE/RUN-ID, or a table.json.",
)
@click.option("--accept", is_flag=True, help="Name this run the baseline of its suite, unless it raises an alarm.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Also write the labels as JUnit's XML.")
@click.option("--quiet", "-q", is_flag=True, help="Print the labels alone, and warnings.")
@click.option("--events", type=click.Choice(["jsonl"]), help="Print a JSON object for every event, and nothing else.")
@click.pass_obj
def command(
    session: Session,
    /,
    suite: str,
    baseline: str,
    accept: bool,
    junit: Path | None,
    quiet: bool,
    events: str | None,
    **how: Any,
) -> int:
    """Run SUITE, compare it with an earlier run over the same examples, and give every row one of four labels.

    A row is a regression if it is worse by a test that holds after the correction for all tests of the night, or if it
    was ok and is not any more; then this exits with 3. Rows may also be suspicious, without regression, or have
    insufficient data. Takes the options of `harness run` too. In a job of GitHub Actions it writes the summary of the
    step and at most 10 annotations.
    """
    options = RunOptions(**how, plugin_folders=session.plugins_dirs, debug=session.debug)
    prepared = prepare(suite, options)
    results = Path(options.results)
    against = _baseline(baseline, results, prepared.plan.suite)
    display = EventDisplay(line_writer()) if events else make_display(quiet=quiet)
    for warning in prepared.warnings:
        display.warn(warning)
    finished = run_all(prepared, display)
    add_to_job_summary(prepared.plan.suite, finished.headline)
    if finished.exit_code is Exit.INTERRUPTED:
        return int(finished.exit_code)
    night = _judge(session, against, finished, prepared.plan.suite, results)
    finished.folder.write_json(NIGHT, night.to_json())
    if accept and not night.has_alarm:
        RunFolder(finished.folder.path.parent).write_text(BASELINE, finished.folder.run_id + "\n")
    if junit is not None:
        write_named_file(junit, junit_xml(night))
    append_to_job_summary(lambda room: summary_markdown(night, room))
    code = Exit.GATE_FAILED if night.has_alarm else finished.exit_code
    _tell(night, replace(finished, exit_code=code), display if isinstance(display, EventDisplay) else None)
    return int(code)


# It takes the options of a run, described once.
command.params += [option for option in run_command.params if option.name not in _OWN]


def _baseline(name: str, results: Path, suite: str) -> str:
    """The run that a night is compared with, found before anything runs; empty on the first night."""
    if name == "previous":
        quiet = quiet_run(results / suite)
        return "" if quiet is None else str(quiet.path)
    if name in ("baseline", "latest"):
        name = f"{suite}/{name}"
    # The name of a suite would mean the run of tonight once that is there.
    return name if Path(name).is_file() else str(RunFolder.find(name, results).path)


def _judge(session: Session, against: str, finished: Finished, suite: str, results: Path) -> Night:
    folder = finished.folder
    if not against:
        return Night(suite, folder.run_id, "", [])
    catalog = session.catalog()
    with session.calls(catalog) as calls:
        before, now = (open_side(name, results, catalog, calls) for name in (against, str(folder.path)))
        return judge(compare(before, now), suite, folder.run_id)


def _tell(night: Night, finished: Finished, events: EventDisplay | None) -> None:
    if os.environ.get("GITHUB_ACTIONS"):
        for line in annotation_lines(night):
            # To the error stream, since events are all that may stand on the other.
            echo(line, err=bool(events))
    if events is not None:
        for row in night.rows:
            events.judged(row)
        tell_end(events, finished)
        return
    for line in terminal_lines(night):
        label, colon, rest = line.partition(":")
        echo(f"{styled(label, fg=_COLOURS[label])}{colon}{rest}" if label in _COLOURS else line)
    echo(f"Results: {finished.folder.path}")
