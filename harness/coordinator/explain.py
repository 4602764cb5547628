"""Explaining why a cell ran or was reused: the inputs of its key that differ from the last measurement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.contract.cells import Cell
from harness.contract.errors import InvalidOutput, UsageError
from harness.contract.plain import plain_document
from harness.contract.shapes import check_shape
from harness.coordinator.differences import Difference, differences_between
from harness.files import parse_json, read_plain
from harness.store.cell_result import CellResult
from harness.store.run_folder import KEY, LOG, RUN, RunFolder
from harness.store.store import INPUTS, MANIFEST, STORE
from harness.suite.plan import Plan


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
    log = read_plain(cell_folder / LOG).decode(errors="replace") if (cell_folder / LOG).is_file() else ""
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
        rows = parse_json(read_plain(folder.path / "table.json"))["rows"]
        for row in rows:
            if row.get("cell") and row.get("key"):
                keys.setdefault(row["cell"], []).append(str(row["key"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass  # A key is a convenience; the run is explained without a table.
    return keys


def _why_it_ran(folder: RunFolder, cell: Cell) -> tuple[str, tuple[Difference, ...]]:
    for run, earlier in _earlier(folder, cell):
        before, after = (inputs_of_cell(path) for path in (earlier, folder.cell(cell.id)))
        differences = differences_between(before, after, folder.path.parents[1] / STORE)
        ended = CellResult.read_or_invalid(earlier).status
        if differences:
            return f"what its records depend on has changed since run {run}", differences
        if not ended.is_measured:
            return f"in run {run} it ended as {ended}, and only cells that are ok or suspect are reused", ()
        return f"run {run} had measured it, but its entry or its weights are no longer in the store", ()
    return "no earlier run of this suite has measured it", ()


def inputs_of_cell(cell: Path) -> Any:
    """Return the inputs of the key of a cell, from its manifest or from the file of a cell that has none."""
    try:
        written = parse_json(read_plain(cell / MANIFEST)) if (cell / MANIFEST).is_file() else {}
        inputs = written[INPUTS] if INPUTS in written else parse_json(read_plain(cell / KEY))
        inputs = plain_document(inputs, KEY)
        check_shape(inputs, {"code": dict}, KEY)
        return inputs
    except (ValueError, LookupError, TypeError, OSError, RecursionError, InvalidOutput):
        raise UsageError(f"{cell} is damaged, so what has changed since is not known") from None


def _has_inputs(cell: Path) -> bool:
    return (cell / MANIFEST).is_file() or (cell / KEY).is_file()


def _earlier(folder: RunFolder, cell: Cell) -> Iterator[tuple[str, Path]]:
    """Yield run and folder of the same cell in earlier runs, latest first: by its id, else by labels and seed."""
    runs = sorted((path for path in folder.path.parent.iterdir() if path.name < folder.run_id), reverse=True)
    for run in map(RunFolder, runs):
        if _has_inputs(run.cell(cell.id)):
            yield run.run_id, run.cell(cell.id)
            continue
        for other in _cells(run.path):
            same = (other.experiment, other.labels, other.seed) == (cell.experiment, cell.labels, cell.seed)
            if same and _has_inputs(run.cell(other.id)):
                yield run.run_id, run.cell(other.id)


def _cells(run: Path) -> Sequence[Cell]:
    """Return the planned cells of a run; none if another version of harness wrote it, or it is no run."""
    if not (run / RUN).is_file():
        return ()
    try:
        return Plan.from_json(RunFolder(run).plan()).cells
    except UsageError:
        return ()
