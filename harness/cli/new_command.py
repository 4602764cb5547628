"""`harness new`: files to start from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import click

from harness.cli import Session
from harness.cli.plugin_files import Example, check_name, files_of, plugin_kinds
from harness.cli.streams import echo
from harness.contract.errors import HarnessError, UsageError
from harness.signatures import SignatureReader
from harness.suite.load import load_suite, template_folder
from harness.suite.resolve import make_plan
from harness.suite.schema import SUITE_NAME

FAMILIES = ("robustness", "uncertainty", "fairness", "generation", "language", "capacity")


@click.group("new")
def command() -> None:
    """Write a suite or a plugin to start from."""


@command.command("suite")
@click.argument("family", type=click.Choice(FAMILIES))
@click.option("--model", "models", multiple=True, metavar="ENTRY", help="Name or YAML entry. May be repeated.")
@click.option("--data", default="", metavar="ENTRY", help="Name or YAML entry of the dataset.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Suite file. [default: my-FAMILY.yaml]")
@click.pass_obj
def new_suite(session: Session, family: str, models: tuple[str, ...], data: str, output: Path | None) -> None:
    """Write a commented suite of FAMILY that runs as it is, and print how to run it.

    An entry is the name of a component, or what a suite has in its place: '{use: checkpoint, with: {path: a.pt}}'. A
    file that is there stays as it is.
    """
    file = output or Path(f"my-{family}.yaml")
    if not re.fullmatch(SUITE_NAME, file.stem) or file.suffix not in (".yaml", ".yml"):
        raise UsageError(f"--output {str(file)!r}: lower-case letters, digits, '-' and '_', then .yaml")
    text = (template_folder() / f"{family}.yaml").read_text(encoding="utf-8")
    _write_new(file, filled(text, file, models, data))
    try:
        catalog = session.catalog()
        with session.calls(catalog) as hooks:
            plan = make_plan(load_suite(str(file)), catalog, SignatureReader(), hooks=hooks)
    except HarnessError:
        file.unlink()
        raise
    n = len(plan.cells)
    echo(f"wrote {file}: {n} cell{'s' if n != 1 else ''}\nto run it: harness run {file} --limit 20")


@command.command("plugin")
@click.argument("name")
@click.option("--kind", type=click.Choice(plugin_kinds()), default="attack", show_default=True, help="What it offers.")
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), help="Folder of the package. [default: NAME]"
)
@click.pass_obj
def new_plugin(session: Session, name: str, kind: str, output: Path | None) -> None:
    """Write a package that offers the component NAME, with a suite and tests that pass, and print how to try it.

    It is the example of that kind under your name. A folder that is there stays as it is.
    """
    example, folder = Example.of(kind), output or Path(name)
    check_name(name, example, session.catalog())
    files = files_of(name, example)
    try:
        folder.mkdir()
        for place, text in files.items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_text(text, encoding="utf-8")
    except FileExistsError:
        raise UsageError(f"{folder} is there already; --output FOLDER writes another one") from None
    except OSError as error:
        raise UsageError(f"{str(folder)!r} cannot be written: {error.strerror}") from None
    echo(f"wrote {folder}: {len(files)} files; what it is: {example.summary}")
    echo(f"to run its suite: harness --plugins-dir {folder} run {folder / name}.yaml")
    echo(f"to install it and run its tests: pip install -e '{folder}[dev]' && python -m pytest {folder}")


def filled(text: str, file: Path, models: Sequence[str], data: str) -> str:
    """A template with its blanks filled: @NAME@, @FILE@, and @DATA:x@, @MODEL:x@, @MODELS:x;y@ with what is usual."""
    text = text.replace("@NAME@", file.stem).replace("@FILE@", file.name)
    text = re.sub(r"@DATA:(.*?)@", lambda usual: data or usual[1], text)
    text = re.sub(r"@MODEL:(.*?)@", lambda usual: models[0] if models else usual[1], text)
    return re.sub(r"@MODELS:(.*?)@", lambda usual: _entries(models or usual[1].split(";")), text)


def _entries(entries: Sequence[str]) -> str:
    return "\n".join(f"  - {entry}" for entry in entries)


def _write_new(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise UsageError(f"{file} is there already; --output FILE writes another one") from None
    except OSError as error:
        raise UsageError(f"{str(file)!r} cannot be written: {error.strerror}") from None
