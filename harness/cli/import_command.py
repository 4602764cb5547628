"""`harness import LOG...`."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from harness.cli import Session
from harness.cli.options import results_option
from harness.cli.streams import echo
from harness.contract.errors import UsageError
from harness.importing.formats import read_log
from harness.importing.joined import By, join
from harness.importing.suite_folder import task_name, write_suite


@click.command("import")
@click.argument("logs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="LOG...")
@click.option("--model", "models", multiple=True, metavar="NAME", help="Name of the model of each log, in their order.")
@click.option("--suite", default="", metavar="NAME", help="Name of the suite. [default: that of the task]")
@click.option(
    "--by", type=click.Choice(["id", "prompt"]), default="id", show_default=True, help="What joins documents."
)
@click.option(
    "--map",
    "mapped",
    multiple=True,
    metavar="[TOOL:]ROLE=FIELD",
    help="Field of a role: id, prompt, reference, answer, score.NAME or group.NAME, such as "
    "lm-eval:prompt=doc.question or score.acc=COLUMN of a table. May be repeated.",
)
@click.option(
    "--allow",
    "allowed",
    multiple=True,
    type=click.Choice(["prompt", "reference"]),
    help="Join documents although they differ in this; those of the first log are kept. May be repeated.",
)
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help="Folder of the suite. [default: imported/SUITE]"
)
@results_option
@click.pass_obj
def command(
    session: Session,
    logs: tuple[Path, ...],
    models: tuple[str, ...],
    suite: str,
    by: str,
    mapped: tuple[str, ...],
    allowed: tuple[str, ...],
    folder: Path | None,
    results: Path,
) -> int:
    """Make a run of the logs of other tools: one task, a log for each model.

    Logs are samples_*.jsonl of lm-evaluation-harness, .eval or .json of inspect_ai, samples of Every Eval Ever,
    *.report.jsonl of garak, the state file of AutoAttack, or a table (CSV, TSV, Parquet, JSON Lines) with --map.
    They become a suite, which is run at once without a model; compare, leaderboard, report and gates then work on it.
    """
    from dataclasses import replace

    from harness.cli.display import make_display
    from harness.cli.tables import print_tables
    from harness.coordinator.options import RunOptions
    from harness.coordinator.prepared import prepare
    from harness.coordinator.runner import run_all

    if models and len(models) != len(logs):
        raise UsageError(f"--model: {len(logs)} logs have as many models, not {len(models)}")
    read = [read_log(path, mapped) for path in logs]
    named = [replace(log, model=model) for log, model in zip(read, models, strict=True)] if models else read
    joined = join(named, cast("By", by), allowed)
    for note in dict.fromkeys(note for log in joined.logs for note in log.notes):
        echo(f"left out: {note}", err=True)
    path = write_suite(joined, folder or Path("imported") / (suite or task_name(joined)), suite)
    options = RunOptions(device="cpu", isolation="inline", results=results, plugin_folders=session.plugins_dirs)
    prepared = prepare(path, options)
    finished = run_all(prepared, make_display(verbose=False, quiet=True))
    print_tables(prepared.plan, finished.rows, prepared.signatures, prepared.catalog)
    echo(f"\n{len(joined.documents)} documents, {len(joined.logs)} models. Results: {finished.folder.path}")
    echo(f"To go on with groups, expectations and gates: edit {path}, then harness run {path}")
    return int(finished.exit_code)
