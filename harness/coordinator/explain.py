"""Explaining why a cell ran or was reused: the inputs of its key that differ from the last measurement."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.contract.cells import Cell
from harness.contract.errors import UsageError
from harness.store.cell_result import CellResult
from harness.store.import_closure import files_of_closure
from harness.store.open import STORE
from harness.store.run_folder import KEY, LOG, RUN, RunFolder
from harness.suite.plan import Plan

_ABSENT = "absent"


@dataclass(frozen=True)
class Difference:
    """An input of a key that has changed, e.g. "cell.seed" or "code of plugin.attack: plugin/losses.py"."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Explanation:
    """How a cell was done in a run, and why.

    Attributes:
        cell: the cell.
        result: how it ended; None if it never ended in this run.
        how: "ran", "reused", "skipped" or "not run".
        why: the reason in a sentence.
        differences: inputs of the key that differ from the last time.
        log: the output of the cell.
    """

    cell: Cell
    result: CellResult | None
    how: str
    why: str
    differences: tuple[Difference, ...]
    log: str


def explain(folder: RunFolder, name: str) -> Explanation:
    """Explain a cell of a run.

    Args:
        folder: the run.
        name: the row as tables print it, such as "hardened / fmn", its key, its id, or a part of the id.

    Raises:
        UsageError: no cell, or more than one, has this name.
    """
    about = folder.about_if_whole()
    cell = Plan.from_json(folder.plan()).find_cell(name, _keys(folder, about))
    cell_folder = folder.cell(cell.id)
    result = CellResult.read_or_invalid(cell_folder) if cell_folder.is_dir() else None
    log = (cell_folder / LOG).read_text(encoding="utf-8", errors="replace") if (cell_folder / LOG).is_file() else ""
    if cell.skip:
        return Explanation(cell, result, "skipped", cell.skip, (), log)
    if result is None:
        return Explanation(cell, None, "not run", "the run ended before it did", (), log)
    how = about.get("cells", {}).get(cell.id, {}).get("how") or "ran"
    if how == "reused":
        why = f"nothing that its records depend on has changed since {result.run or 'it was measured'}"
        return Explanation(cell, result, how, why, (), log)
    why, differences = _why_it_ran(folder, cell)
    return Explanation(cell, result, how, why, differences, log)


def _keys(folder: RunFolder, about: Mapping[str, Any]) -> dict[str, list[str]]:
    """Id of each cell to its cache key, and to its comparability key where the run has a table."""
    keys = {name: [str(cell.get("key", ""))] for name, cell in about.get("cells", {}).items()}
    try:
        rows = json.loads((folder.path / "table.json").read_bytes())["rows"]
        for row in rows:
            if row.get("cell") and row.get("key"):
                keys.setdefault(row["cell"], []).append(str(row["key"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        pass  # A key is a convenience; the run is explained without a table.
    return keys


def _why_it_ran(folder: RunFolder, cell: Cell) -> tuple[str, tuple[Difference, ...]]:
    for run, earlier in _earlier(folder, cell):
        before, after = (_inputs(path / KEY) for path in (earlier, folder.cell(cell.id)))
        differences = (*_changed_code(folder, before, after), *_differences(before, after))
        ended = CellResult.read_or_invalid(earlier).status
        if differences:
            return f"what its records depend on has changed since run {run}", differences
        if not ended.is_measured:
            return f"in run {run} it ended as {ended}, and only cells that are ok or suspect are reused", ()
        return f"run {run} had measured it, but its entry or its weights are no longer in the store", ()
    return "no earlier run of this suite has measured it", ()


def _inputs(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        raise UsageError(f"{path} is damaged, so what has changed since is not known") from None


def _earlier(folder: RunFolder, cell: Cell) -> Iterator[tuple[str, Path]]:
    """Yield run and folder of the same cell in earlier runs, latest first: by its id, else by labels and seed."""
    runs = sorted((path for path in folder.path.parent.iterdir() if path.name < folder.run_id), reverse=True)
    for run in runs:
        if (run / "cells" / cell.id / KEY).is_file():
            yield run.name, run / "cells" / cell.id
            continue
        for other in _cells(run):
            same = (other.experiment, other.labels, other.seed) == (cell.experiment, cell.labels, cell.seed)
            if same and (run / "cells" / other.id / KEY).is_file():
                yield run.name, run / "cells" / other.id


def _cells(run: Path) -> Sequence[Cell]:
    """Return the planned cells of a run; none if another version of harness wrote it, or it is no run."""
    if not (run / RUN).is_file():
        return ()
    try:
        return Plan.from_json(RunFolder(run).plan()).cells
    except UsageError:
        return ()


def _changed_code(folder: RunFolder, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    """The files that differ between two versions of the same module's code, moved from digests to names.

    Modules whose versions are no longer in the store keep their digests.
    """
    store = folder.path.parents[1] / STORE
    changed: dict[Difference, list[str]] = {}
    for module in sorted(before["code"].keys() & after["code"].keys()):
        then, now = (files_of_closure(store, inputs["code"][module]) for inputs in (before, after))
        different = [file for file in sorted({*then, *now}) if then.get(file) != now.get(file)] if then and now else []
        for file in different:
            difference = Difference(file, _short(then.get(file, _ABSENT)), _short(now.get(file, _ABSENT)))
            changed.setdefault(difference, []).append(module)
        if different:
            del before["code"][module], after["code"][module]
    for difference, (first, *others) in changed.items():
        of = f"code of {first}{f' and {len(others)} more' if others else ''}"
        yield replace(difference, field=f"{of}: {difference.field}")


def _differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            inner = f"{path}.{name}" if path else str(name)
            yield from _differences(before.get(name, _ABSENT), after.get(name, _ABSENT), inner)
    elif before != after:
        yield Difference(path, _short(before), _short(after))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    # Digests are long and say no more than that they differ.
    is_digest = len(text) == 64 and all(c in "0123456789abcdef" for c in text)
    return text[:12] if is_digest else text
