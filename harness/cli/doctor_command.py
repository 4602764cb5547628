"""`harness doctor`."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from harness.cli import Session
from harness.cli.options import results_option
from harness.cli.streams import echo, styled
from harness.contract.errors import HarnessError, UsageError, cause_of
from harness.plugins import ABSENT, Catalog, distribution_version
from harness.signatures import SignatureReader
from harness.store.import_closure import ImportClosures
from harness.store.open import open_store

if TYPE_CHECKING:
    from harness.testing import Finding


@click.command("doctor")
@click.argument("name", required=False)
@click.option(
    "--with", "given", multiple=True, metavar="KEY=VALUE", help="A parameter of NAME, as in a suite. May be repeated."
)
@results_option
@click.pass_obj
def command(session: Session, name: str | None, given: tuple[str, ...], results: Path) -> int:
    """Check this installation and every plugin, or whether component or plugin NAME keeps what it promises.

    A component is run in a small suite, in seconds and without network: twice, and with batches of another size. Exit
    code 1 if something is wrong.
    """
    if name is not None:
        return _check_component(session, name, given)
    if given:
        raise UsageError("--with gives parameters to a component; name it")
    return _check_installation(session, results)


def _check_component(session: Session, name: str, given: tuple[str, ...]) -> int:
    from harness.testing import check, check_hooks

    catalog, folders = session.catalog(), session.plugins_dirs
    entries = catalog.named(name)
    if not entries and not catalog.manager.has_plugin(name):
        failures = [str(failure) for failure in catalog.failures]
        raise UsageError("\n".join([f"there is no component or plugin named {name!r}; see harness list", *failures]))
    wrong = 0
    for entry in entries:
        echo(styled(f"{entry.component.kind} {entry.qualified_name}", bold=True))
        parameters = _parameters(given)
        wrong += _told(check(entry.component.kind, entry.qualified_name, parameters, plugin_folders=folders))
    if not entries:
        echo(styled(f"plugin {name}", bold=True))
        wrong += _told(check_hooks(name, plugin_folders=folders))
    echo(f"\nproblems: {wrong}" if wrong else "\nno problem found")
    return int(bool(wrong))


def _told(findings: Sequence[Finding]) -> int:
    """Print findings, and return how many of them are wrong."""
    for finding in findings:
        colour = {"ok": "green", "wrong": "red", "not checked": "yellow"}[finding.state]
        reason = f": {finding.reason}" if finding.reason else ""
        echo(f"{styled(f'{finding.state:<11}', fg=colour)} {finding.check}{reason}")
    return sum(not finding.is_fine for finding in findings)


def _parameters(given: tuple[str, ...]) -> dict[str, Any]:
    """Parameters from KEY=VALUE, where the value is YAML."""
    pairs = [text.partition("=") for text in given]
    if wrong := next((text for text, pair in zip(given, pairs, strict=True) if not pair[1]), None):
        raise UsageError(f"--with {wrong}: write KEY=VALUE")
    try:
        return {key: yaml.safe_load(value) for key, _, value in pairs}
    except yaml.YAMLError as error:
        raise UsageError(f"--with: a value is no YAML: {cause_of(error)}") from None


def _check_installation(session: Session, results: Path) -> int:
    import torch

    wrong = 0

    def say(fine: bool, what: str) -> None:
        nonlocal wrong
        wrong += not fine
        echo(f"{styled('ok   ', fg='green') if fine else styled('wrong', fg='red')} {what}")

    say(sys.version_info >= (3, 11), f"Python {sys.version.split()[0]}")
    built = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU build"
    say(True, f"torch {torch.__version__} ({built}), {torch.get_num_threads()} threads, {os.cpu_count()} cores")
    gpus = (
        [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    say(True, f"devices: {', '.join(['cpu', *(f'cuda:{i} ({name})' for i, name in enumerate(gpus))])}")
    try:
        open_store(results)
        say(True, f"results folder {str(results)!r} can be written")
    except HarnessError as error:
        say(False, str(error))
    catalog = session.catalog()
    for failure in catalog.failures:
        say(False, str(failure))
    for warning in _unfollowed(catalog):
        say(True, warning)
    reader = SignatureReader()
    for (kind, name), entry in sorted(catalog.entries.items()):
        if not entry.summary:
            say(False, entry.without_summary)
        missing = [package for package in entry.component.requires if distribution_version(package) == ABSENT]
        if missing:
            say(True, f"{kind} {name}: left out of runs until {', '.join(missing)} is installed")
            continue
        try:
            reader.read(entry.component)
        except HarnessError as error:
            say(False, str(error))
    plugins = {entry.package for entry in catalog.entries.values()}
    say(True, f"{len(catalog.entries)} components of {len(plugins)} plugins: {', '.join(sorted(plugins))}")
    say(True, f"pluggy {importlib.metadata.version('pluggy')}, pyarrow {importlib.metadata.version('pyarrow')}")
    echo(f"\nproblems: {wrong}" if wrong else "\neverything works")
    return int(bool(wrong))


def _unfollowed(catalog: Catalog) -> Iterator[str]:
    """Yield each import that cannot be followed, with the components that depend on a whole package for it."""
    closures = ImportClosures(catalog.packages, folders=catalog.folders)
    depending: dict[str, list[str]] = {}
    for (kind, name), entry in sorted(catalog.entries.items()):
        for location in closures.of(entry.component.module).unfollowed:
            depending.setdefault(location, []).append(f"{kind} {name}")
    for location, names in depending.items():
        package = location.partition("/")[0].partition(".")[0]
        yield f"{location} imports by a name made at run time: any edit of {package} makes {', '.join(names)} run again"
