"""Other Python environments, whose workers run the cells that need them.

Two components may need libraries that no environment can hold together. A suite names an environment; the user says
where it is. Its own Python is asked what is installed there and what the keys of its cells are, before any cell runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.contract.cells import Cell, digest
from harness.contract.errors import UsageError
from harness.plugins import DISTRIBUTION
from harness.store.keys import core_digest
from harness.store.store import Store
from harness.user_configuration import config_path, configured
from harness.version import __version__

PROBE = "harness.execution.environment_probe"
_LIMIT_SECONDS = 300.0
"""Seconds that an environment may take to answer; it may import much."""


@dataclass(frozen=True)
class Environment:
    """A Python environment that cells run in.

    Attributes:
        name: as suites call it.
        python: its interpreter.
        version: of Python.
        packages: every installed distribution and its version.
        inputs: by cell, all that may change its records there.
    """

    name: str
    python: Path
    version: str
    packages: Mapping[str, str]
    inputs: Mapping[str, dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """What a run records of it; the digest is that in the keys of its cells."""
        packages = dict(self.packages)
        return {"python": self.version, "digest": digest([self.version, packages]), "packages": packages}


def environments_of(
    cells: Sequence[Cell], given: Mapping[str, str | Path], plugin_folders: Sequence[Path], store: Store, device: str
) -> dict[str, Environment]:
    """Ask every environment that these cells name.

    Args:
        cells: of a plan; those that are skipped need none.
        given: where environments are, by name, before those of the user's configuration.
        plugin_folders: as `--plugins-dir`.
        store: where import closures are kept.
        device: where cells compute.

    Raises:
        UsageError: nobody says where one is, it is none, it lacks harness or what a component needs, or it has other
            code of harness.
    """
    needing: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.environment and not cell.skip:
            needing.setdefault(cell.environment, []).append(cell)
    if not needing:
        return {}
    places = {**configured("environments", "names to virtual environments"), **given}
    if lacking := [name for name in needing if name not in places]:
        raise UsageError(
            f"the suite needs the environment {lacking[0]!r}: say where it is by --environment {lacking[0]}=FOLDER, or "
            f"under `environments:` in {config_path()}"
        )
    asked: dict[str, Any] = {"plugin_folders": [str(each.resolve()) for each in plugin_folders]}
    asked |= {"store": str(store.root.resolve())}
    asked |= {"device": device}
    return {name: _asked(name, Path(places[name]), needing[name], asked, store) for name in needing}


def python_of(name: str, place: Path) -> Path:
    """The interpreter of a virtual environment, given as its folder or as the interpreter itself."""
    place = place.expanduser()
    for python in (place, place / "bin" / "python", place / "Scripts" / "python.exe"):
        if python.is_file() and os.access(python, os.X_OK):
            # Not resolved: the link in the environment is what makes it one.
            return python.absolute()
    raise UsageError(f"the environment {name!r}: {place} is neither a virtual environment nor a Python")


def _asked(name: str, place: Path, cells: Sequence[Cell], asked: Mapping[str, Any], store: Store) -> Environment:
    python = python_of(name, place)
    with tempfile.TemporaryDirectory(prefix="harness-environment-") as folder:
        answer_file = Path(folder) / "answer.json"
        request = {**asked, "answer": str(answer_file), "cells": {cell.id: cell.to_json() for cell in cells}}
        try:
            # Without -P the folder that a user works in would come before what is installed.
            command = [str(python), "-P", "-m", PROBE]
            done = subprocess.run(
                command, input=json.dumps(request), capture_output=True, text=True, check=False, timeout=_LIMIT_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UsageError(f"the environment {name!r}: {python} cannot be run: {error}") from None
        if not answer_file.is_file():
            raise UsageError(f"the environment {name!r} ({python}) {_why_silent(done.stderr, python)}")
        answer = json.loads(answer_file.read_text(encoding="utf-8"))
    if faults := answer["faults"]:
        raise UsageError(f"the environment {name!r} ({python}) {'; '.join(faults)}")
    if not _is_this_harness(answer, store):
        raise UsageError(
            f"the environment {name!r} ({python}) has another harness: version {answer['harness']}, or {__version__} "
            "with other code; install the same one there"
        )
    return Environment(name, python, answer["python"], answer["packages"], answer["inputs"])


def _is_this_harness(answer: Mapping[str, Any], store: Store) -> bool:
    """Whether an environment has the code of this process; another Python reads the same code as other trees."""
    is_same_python = answer["python"].split(".")[:2] == [str(part) for part in sys.version_info[:2]]
    return bool(answer["harness"] == __version__ and (not is_same_python or answer["core"] == core_digest(store)))


def _why_silent(said: str, python: Path) -> str:
    lines = said.strip().splitlines()
    if any("No module named 'harness" in line or "No module named harness" in line for line in lines):
        return f"lacks harness: {python} -m pip install {DISTRIBUTION}"
    return f"could not load harness: {lines[-1] if lines else 'it said nothing'}"
