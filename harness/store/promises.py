"""What a finished cell promises: a result that can be read and written, and records if it has any."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from harness.contract.errors import InvalidOutput, UsageError
from harness.contract.plain import plain_document
from harness.contract.rows import Status
from harness.store.cell_result import CellResult
from harness.store.records import RECORDS

_PARQUET = b"PAR1"


def kept(result: CellResult, folder: Path) -> CellResult:
    """Return the result as it may be kept: `invalid` if it was measured and promises what is not there.

    Args:
        result: of a cell that has just ended.
        folder: where it left its files.
    """
    raw = asdict(result)
    try:
        clean = CellResult.from_json(plain_document(raw, "the result"))
    except InvalidOutput as error:
        return CellResult(Status.INVALID, str(error), device=result.device, batch_size=result.batch_size)
    if not result.status.is_measured:
        return clean
    if _as_lists(asdict(clean)) != _as_lists(raw):
        return _without_records(clean, "it returned text that no file can hold, such as half of a character")
    return _without_records(clean, problem) if (problem := _of_records(clean, folder)) else clean


def broken_promise(folder: Path) -> str:
    """Return why no reader can use an entry of the store that holds a cell; empty if there is no reason."""
    try:
        result = CellResult.read(folder)
    except UsageError:  # Another version wrote it, and can read it.
        return ""
    except (InvalidOutput, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "its result cannot be read"
    after = kept(result, folder)
    return after.reason if after.status is not result.status else ""


def _of_records(result: CellResult, folder: Path) -> str:
    if result.n is None:
        return "it was measured, but says nothing of records"
    path = folder / RECORDS
    if path.is_symlink() or not path.is_file():
        return f"it left no {RECORDS}"
    try:
        return "" if _is_parquet(path) else f"its {RECORDS} is no Parquet file"
    except OSError as error:  # For instance moved away by another process since the look above.
        return f"its {RECORDS} cannot be read: {error.strerror}"


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(len(_PARQUET))
        file.seek(-min(len(_PARQUET), path.stat().st_size), 2)
        return head == file.read() == _PARQUET


def _without_records(result: CellResult, reason: str) -> CellResult:
    return replace(result, status=Status.INVALID, reason=reason, n=None, comparability={}, cost={})


def _as_lists(value: object) -> object:
    if isinstance(value, dict):
        return {name: _as_lists(each) for name, each in value.items()}
    return [_as_lists(each) for each in value] if isinstance(value, list | tuple) else value
