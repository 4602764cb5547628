"""What the cells of a plan will take, from what such cells took before; unknown where none was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.contract.cells import Cell, digest
from harness.contract.errors import HarnessError
from harness.contract.rows import Status
from harness.files import parse_json, read_plain
from harness.store.cell_result import CellResult
from harness.store.store import INPUTS, MANIFEST

_SECONDS_PER_MINUTE, _SECONDS_PER_HOUR = 60, 3600


@dataclass(frozen=True)
class Forecast:
    """What a cell will take if it is measured anew.

    Attributes:
        seconds: of the task, without loading.
        training: seconds of training for it; 0 for a model that is not trained.
        passes: of all examples together; None where its task counts none.
        device: what the measurement that it is taken from ran on.
    """

    seconds: float
    training: float
    passes: float | None
    device: str


@dataclass(frozen=True)
class _Past:
    limit: int | None
    result: CellResult

    def examples(self, limit: int | None) -> float | None:
        """How many examples there will be under a limit; None if that is not known."""
        n = self.result.n or 0
        is_whole = self.limit is None or n < self.limit
        if limit == self.limit:
            return n
        if is_whole:
            return n if limit is None else min(limit, n)
        return limit


def forecasts(cells: Sequence[Cell], store: Path) -> dict[str, Forecast | None]:
    """Return what each cell that is not skipped will take, by id; None where no such cell was ever measured.

    Such a cell has the same task and components; seed and code may differ. Its time is scaled by the number of
    examples. Of several the latest with the same limit counts, else the latest.

    Args:
        cells: planned.
        store: the folder of the store, which may not be there yet.
    """
    past: dict[str, list[_Past]] = {}
    for kind, entry in _history(store):
        past.setdefault(kind, []).append(entry)
    return {cell.id: _of_cell(cell, past) for cell in cells if not cell.skip}


def _of_cell(cell: Cell, past: Mapping[str, Sequence[_Past]]) -> Forecast | None:
    use = cell.components.get("data")
    limit = use.limit if use else None
    components = {str(role): part.identity if part else None for role, part in cell.components.items()}
    known = [(each, n) for each in past.get(_kind(cell.task.identity, components), ()) if (n := each.examples(limit))]
    if not known:
        return None
    entry, n = max(known, key=lambda each: (each[0].limit == limit, each[0].result.started))
    result = entry.result
    scale = n / (result.n or 1)
    passes = result.cost.get("passes")
    training = sum(float(used["seconds"]) for used in result.weights if "seconds" in used)
    total = None if passes is None else passes * n
    return Forecast((result.seconds or 0.0) * scale, training, total, result.device.partition(":")[0])


def _kind(task: Mapping[str, Any], components: Mapping[str, Any]) -> str:
    """The hash of what cells of one kind share: the task and the components, without the limit of the data."""
    parts = deepcopy({role: identity for role, identity in components.items() if identity})
    if "data" in parts:
        parts["data"]["limit"] = None
    return digest([task, parts])


def _history(store: Path) -> Iterator[tuple[str, _Past]]:
    """Kind and measurement of every finished cell of the store; damaged entries are passed over."""
    for path in (store / "cells").glob(f"*/*/{MANIFEST}"):
        try:
            cell = parse_json(read_plain(path))[INPUTS]["cell"]
            result = CellResult.read_or_invalid(path.parent)
            data = cell["components"].get("data") or {}
            if result.status in (Status.OK, Status.SUSPECT) and result.n and result.seconds is not None:
                yield _kind(cell["task"], cell["components"]), _Past(data.get("limit"), result)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, HarnessError):
            continue


def forecast_text(cells: Sequence[Cell], found: Mapping[str, Forecast | None]) -> str:
    """Return what a plan will take in one sentence; the training of a model counts once for all of its cells."""
    known = {name: each for name, each in found.items() if each is not None}
    unknown = len(found) - len(known)
    if not known:
        return "forecast: unknown, since no such cell was measured yet"
    trainings = {trained_as(cell): known[cell.id].training for cell in cells if cell.id in known}
    devices = " and ".join(sorted({each.device for each in known.values() if each.device}))
    passes = sum(each.passes or 0.0 for each in known.values())
    parts = [duration(sum(each.seconds for each in known.values()))]
    parts += [f"{duration(trained)} of training"] if (trained := sum(trainings.values())) else []
    parts += [f"{passes:.3g} passes"] if passes else []
    left = f"; {unknown} of {len(found)} cells unknown" if unknown else ""
    return f"forecast, if all is measured anew one cell at a time on {devices}: {', '.join(parts)}{left}"


def trained_as(cell: Cell) -> tuple[str, int]:
    """What cells share whose model is trained once for all of them."""
    model = cell.components.get("model")
    return model.identity_digest if model else "", cell.seed


def duration(seconds: float) -> str:
    """Return a time as a person says it, e.g. "12 min"."""
    if seconds < _SECONDS_PER_MINUTE:
        return f"{seconds:.2g} s"
    if seconds < _SECONDS_PER_HOUR:
        return f"{seconds / _SECONDS_PER_MINUTE:.3g} min"
    return f"{seconds / _SECONDS_PER_HOUR:.3g} h"
