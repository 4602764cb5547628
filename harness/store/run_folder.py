"""The folder of a run: run.json first, then its cells, then its tables. Only the coordinator writes here."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import NoneType
from typing import Any

from harness.contract.errors import InvalidOutput, UsageError
from harness.contract.plain import encodable, plain_document
from harness.contract.shapes import check_shape
from harness.environment_secrets import without_secrets
from harness.escaping import json_text
from harness.files import explained, first_special, parse_json, read_plain, write_whole
from harness.isolation import one_line
from harness.store.schema import SCHEMA, check_schema
from harness.store.store import ENTRY_KEY, MANIFEST, STORE, entry_folder

RUN = "run.json"
PLAN = "plan.json"
WHOLE_PLAN = "whole_plan.json"
"""Of a shard: the plan that its own is a part of."""
RESULT = "result.json"
LOG = "log.txt"
KEY = "key.json"
_MAX_DEPTH = 100
_ABOUT: Mapping[str, Any] = {
    **dict.fromkeys(("suite", "run", "started", "ended", "status"), str),
    "provenance": {"git": (dict, NoneType), "argv": list, "packages": {str: str}, "plugins": dict},
    "cells": {str: {"how": str, "key": str}},
    "examples": bool,
}
_GIT: Mapping[str, Any] = {"commit": str, "dirty": bool}
ALIASES = ("latest", "previous", "baseline")
BASELINE = "baseline"
"""In the folder of a suite: the id of the run that the alias `baseline` means."""
REUSED = "reused.jsonl"
"""Where a run names the entries of the store that it has reused, one to a line; they have no files of their own."""
_RUN_NAME = re.compile(r"(?!\.)[^/]+/(?!\.)[^/]+")
_REMEDY = "run the suite again, which takes finished cells from the store"


class DamagedFile(UsageError):
    """A file of a run that was torn, as by a loss of power."""


@dataclass(frozen=True)
class RunFolder:
    """A run on disk.

    Attributes:
        path: results/<suite>/<run-id>.
    """

    path: Path

    @classmethod
    def create(cls, results: Path, suite: str) -> RunFolder:
        """A new run of a suite. Raises StoreError if it cannot be written."""
        # Names sort by time, to the millisecond; the rest tells runs on several machines apart.
        now = datetime.now(UTC)
        run_id = f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03d}Z-{secrets.token_hex(2)}"
        with explained(results):
            (results / suite / run_id / "cells").mkdir(parents=True)
        return cls(results / suite / run_id)

    @classmethod
    def find(cls, name: str, results: Path) -> RunFolder:
        """Find a run given by its folder, by `suite/run-id`, by its suite for the latest one, or by an alias.

        Aliases are `latest`, `previous` (the one before the latest of its suite) and `baseline` (which `harness nightly
        --accept` names), of the suite of the latest run or, as `suite/previous`, of another.

        Raises:
            UsageError: there is none, or it holds something else than plain files.
        """
        for candidate in (Path(name), results / name):
            if (candidate / RUN).is_file():
                return cls(candidate).checked()
            if runs := runs_in(candidate):
                return cls(runs[-1]).checked()
        if aliased := _aliased(name, results):
            return cls(aliased).checked()
        raise UsageError(
            f"there is no run {name!r}; give its folder, or the name of a suite that was run into {str(results)!r}"
        )

    def checked(self) -> RunFolder:
        """Return this run, if it holds plain files and folders only, as every run that was not tampered with does.

        Raises:
            UsageError: it does not; nothing of it is read then.
        """
        if special := first_special(self.path):
            path, kind = special
            raise UsageError(
                f"{path} is {kind}; a run holds plain files only, so it is not read. If the run is yours, remove that"
            )
        return self

    @property
    def run_id(self) -> str:
        """The name of the run."""
        return self.path.name

    def cell(self, cell_id: str) -> Path:
        """The folder of a cell: its own, or that of the entry of the store that the run has reused."""
        own = self.path / "cells" / cell_id
        reused = self._reused.get(cell_id)
        return own if reused is None or own.is_dir() else self._folder_of(reused) or own

    def has_reused(self, cell_id: str) -> bool:
        """Whether the files of a cell are those of an entry of the store, which may be gone."""
        return cell_id in self._reused

    @property
    def reused_keys(self) -> set[str]:
        """The keys of the entries of the store that the run has reused."""
        return {reused.key for reused in self._reused.values()}

    def take_cell(self, cell_id: str, source: Path, *, move: bool = False) -> None:
        """Put a cell's files here: moved, or linked from the store where the file system allows it."""
        final = self.path / "cells" / cell_id
        with explained(self.path):
            if move:
                shutil.move(source, final)
            else:
                staged = final.with_name(f".{cell_id}.tmp")
                shutil.copytree(source, staged, copy_function=_link_or_copy)
                staged.rename(final)

    def reuse_cell(self, cell_id: str, entry: Path, measured_by: str) -> None:
        """Note that a cell is an entry of the store, which the run `measured_by` ("suite/run-id") has files of too."""
        reused = _Reused(entry.name, _digest(entry / MANIFEST), measured_by)
        with explained(self.path), (self.path / REUSED).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"cell": cell_id, **asdict(reused)}) + "\n")
        self._reused[cell_id] = reused

    @cached_property
    def _reused(self) -> dict[str, _Reused]:
        try:
            lines = read_plain(self.path / REUSED).decode("utf-8", errors="replace").splitlines()
        except (OSError, InvalidOutput):
            return {}
        return dict(reused for line in lines if (reused := _read_reused(line)) is not None)

    def _folder_of(self, reused: _Reused) -> Path | None:
        """The entry of the store; if it is gone or another one by now, the cell of the run that has measured it."""
        results = self.path.resolve().parents[1]
        entry = entry_folder(results / STORE, "cells", reused.key)
        if _digest(entry / MANIFEST) == reused.manifest:
            return entry
        cells = (results / reused.run / "cells").glob("*") if _RUN_NAME.fullmatch(reused.run) else ()
        return next((cell for cell in cells if _digest(cell / MANIFEST) == reused.manifest), None)

    def write_json(self, name: str, value: Mapping[str, Any] | list[Any]) -> None:
        """Write a JSON file, whole or not at all."""
        self.write_text(name, json_text(value, indent=1) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Write a text file without secrets, whole or not at all; half characters in it are spelt out."""
        with explained(self.path):
            write_whole(self.path / name, encodable(without_secrets(text)).encode())

    def about(self) -> dict[str, Any]:
        """Return the content of run.json.

        Raises:
            DamagedFile: it is no JSON object.
            UsageError: another version of harness wrote it.
        """
        about = self.read_json(RUN)
        check_schema(self.path / RUN, about.get("schema"))
        try:
            check_shape(about, _ABOUT, RUN)
            check_shape(about.get("provenance", {}).get("git") or {}, _GIT, f"{RUN}: provenance: git")
        except InvalidOutput as error:
            raise DamagedFile(f"{self.path / RUN} is damaged: {error}; {_REMEDY}") from None
        return about

    def about_if_whole(self) -> dict[str, Any]:
        """Return the content of run.json, or nothing of one that is damaged: the plan and the cells make the tables.

        Raises:
            UsageError: another version of harness wrote it.
        """
        try:
            return self.about()
        except DamagedFile:
            return {}

    def write_about(self, about: Mapping[str, Any]) -> None:
        """Write run.json."""
        self.write_json(RUN, {"schema": SCHEMA, **about})

    def plan(self) -> dict[str, Any]:
        """The plan of the run as JSON.

        Raises:
            DamagedFile: it is no JSON object.
            UsageError: another version of harness wrote it.
        """
        self.about_if_whole()
        plan = self.read_json(PLAN)
        check_schema(self.path / PLAN, plan.get("schema", SCHEMA))
        return plan

    def write_plan(self, plan: Mapping[str, Any], name: str = PLAN) -> None:
        """Write a plan, compactly: it may have a hundred thousand cells.

        Args:
            plan: as JSON.
            name: `PLAN` for that of the run, `WHOLE_PLAN` for the one that the plan of a shard is a part of.
        """
        self.write_text(name, json_text({"schema": SCHEMA, **plan}) + "\n")

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file of the run. Raises DamagedFile if it is no JSON object."""
        path = self.path / name
        try:
            content = plain_document(parse_json(read_plain(path)), name, _MAX_DEPTH)
        except (ValueError, RecursionError, InvalidOutput) as error:
            raise DamagedFile(f"{path} is damaged: {one_line(str(error))}; {_REMEDY}") from None
        except OSError as error:
            raise DamagedFile(f"{path} cannot be read: {error.strerror}; {_REMEDY}") from None
        if not isinstance(content, dict):
            raise DamagedFile(f"{path} is damaged: it holds no JSON object; {_REMEDY}")
        return content


def _aliased(name: str, results: Path) -> Path | None:
    """The run that `latest`, `previous` or `baseline` means, or one of these behind the name of a suite."""
    suite, _, alias = name.rpartition("/")
    if alias not in ALIASES:
        return None
    runs = (
        runs_in(results / suite)
        if suite
        else sorted(
            (run for each in results.glob(f"*/*/{RUN}") if not (run := each.parent).is_symlink()),
            key=lambda run: run.name,
        )
    )
    if not runs:
        raise UsageError(f"there is no run {name!r}: nothing was run into {str(results / suite)!r} yet")
    of_suite = runs_in(runs[-1].parent)
    if alias == "latest":
        return of_suite[-1]
    if alias == "previous":
        if len(of_suite) == 1:
            raise UsageError(f"there is no run {name!r}: {of_suite[0]} is the only run of its suite")
        return of_suite[-2]
    return _baseline(runs[-1].parent, name)


def _baseline(suite: Path, name: str) -> Path:
    file = suite / BASELINE
    try:
        run = suite / read_plain(file).decode().strip()
    except (OSError, InvalidOutput, UnicodeDecodeError):
        raise UsageError(f"there is no run {name!r}: {file} names none; `harness nightly --accept` does") from None
    if run.parent != suite or not (run / RUN).is_file():
        raise UsageError(f"there is no run {name!r}: {file} names {run.name!r}, which is no run there")
    return run


def runs_in(folder: Path) -> list[Path]:
    """Return the runs of a suite in their order. Links to runs elsewhere are passed over: only users name those."""
    return sorted(path.parent for path in folder.glob(f"*/{RUN}") if not path.parent.is_symlink())


@dataclass(frozen=True)
class _Reused:
    """An entry of the store that a run has reused: its key, the digest of its manifest, the run that measured it."""

    key: str
    manifest: str
    run: str


def _read_reused(line: str) -> tuple[str, _Reused] | None:
    """The cell and the entry that a line names; None for one that was torn or is none."""
    try:
        raw = parse_json(line.encode())
        reused = _Reused(str(raw["key"]), str(raw["manifest"]), str(raw["run"]))
        return (str(raw["cell"]), reused) if ENTRY_KEY.fullmatch(reused.key) and reused.manifest else None
    except (ValueError, LookupError, TypeError, RecursionError, InvalidOutput):
        return None


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else ""
    except OSError:
        return ""


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
