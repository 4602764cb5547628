"""What the cells of a plan will take, from what such cells took before; unknown where none was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from types import NoneType
from typing import Any

from harness.contract.cells import Cell, digest
from harness.contract.errors import HarnessError, InvalidOutput
from harness.contract.rows import Status
from harness.contract.shapes import check_shape
from harness.files import parse_json, read_checked, read_plain, write_checked
from harness.store.cell_result import CellResult
from harness.store.store import INPUTS, MANIFEST, entries_in

INDEX = "forecasts.json"
"""What the store remembers of times, by entry."""
_SHAPE: Mapping[str, Any] = {
    **dict.fromkeys(("kind", "device", "started"), str),
    "limit": (int, NoneType),
    "n": int,
    **dict.fromkeys(("seconds", "training"), (int, float)),
    "passes": (int, float, NoneType),
}
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
    """What is kept of a finished cell: how many examples under which limit, and what they took."""

    kind: str
    limit: int | None
    n: int
    seconds: float
    training: float
    passes: float | None
    device: str
    started: str

    @classmethod
    def read(cls, entry: Path) -> _Past | None:
        """That of an entry of the store; None of one that is damaged or was not measured."""
        try:
            cell = parse_json(read_plain(entry / MANIFEST))[INPUTS]["cell"]
            result = CellResult.read_or_invalid(entry)
            data = cell["components"].get("data") or {}
            if result.status not in (Status.OK, Status.SUSPECT) or not result.n or result.seconds is None:
                return None
            training = sum(float(used["seconds"]) for used in result.weights if "seconds" in used)
            took = (result.seconds, training, result.cost.get("passes"), result.device.partition(":")[0])
            return cls(_kind(cell["task"], cell["components"]), data.get("limit"), result.n, *took, result.started)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, HarnessError):
            return None

    def examples(self, limit: int | None) -> float | None:
        """How many examples there will be under a limit; None if that is not known."""
        is_whole = self.limit is None or self.n < self.limit
        if limit == self.limit:
            return self.n
        if is_whole:
            return self.n if limit is None else min(limit, self.n)
        return limit


_NOTHING = _Past("", None, 0, 0.0, 0.0, None, "", "")
"""Of an entry that says nothing of times."""


def forecasts(cells: Sequence[Cell], store: Path) -> dict[str, Forecast | None]:
    """Return what each cell that is not skipped will take, by id; None where no such cell was ever measured.

    Such a cell has the same task and components; seed and code may differ. Its time is scaled by the number of
    examples. Of several the latest with the same limit counts, else the latest.

    Args:
        cells: planned.
        store: the folder of the store, which may not be there yet.
    """
    past: dict[str, list[_Past]] = {}
    for entry in _history(store):
        past.setdefault(entry.kind, []).append(entry)
    found: dict[str, Forecast | None] = {}
    # Cells share their components, so that those which differ in the seed alone are looked up once.
    looked_up: dict[tuple[int, ...], Forecast | None] = {}
    for cell in cells:
        if not cell.skip:
            parts = (id(cell.task), *map(id, cell.components.values()))
            if parts not in looked_up:
                looked_up[parts] = _of_cell(cell, past)
            found[cell.id] = looked_up[parts]
    return found


def _of_cell(cell: Cell, past: Mapping[str, Sequence[_Past]]) -> Forecast | None:
    use = cell.components.get("data")
    limit = use.limit if use else None
    components = {str(role): part.identity if part else None for role, part in cell.components.items()}
    known = [(each, n) for each in past.get(_kind(cell.task.identity, components), ()) if (n := each.examples(limit))]
    if not known:
        return None
    entry, n = max(known, key=lambda each: (each[0].limit == limit, each[0].started))
    passes = None if entry.passes is None else entry.passes * n
    return Forecast(entry.seconds * (n / entry.n), entry.training, passes, entry.device)


def _kind(task: Mapping[str, Any], components: Mapping[str, Any]) -> str:
    """The hash of what cells of one kind share: the task and the components, without the limit of the data."""
    parts = deepcopy({role: identity for role, identity in components.items() if identity})
    if "data" in parts:
        parts["data"]["limit"] = None
    return digest([task, parts])


def _history(store: Path) -> list[_Past]:
    """What is known of every finished cell of the store; an entry is read once, and then stands in an index."""
    index = _read_index(store / INDEX)
    known: dict[str, _Past] = {}
    for entry in entries_in(store, "cells"):
        with suppress(FileNotFoundError):  # It was removed meanwhile.
            # Of the folder, which is made anew where a cell is measured anew.
            name = f"{entry.name} {entry.stat().st_mtime_ns}"
            known[name] = index[name] if name in index else _Past.read(entry) or _NOTHING
    if known.keys() != index.keys():
        with suppress(OSError):
            write_checked(store / INDEX, json.dumps({name: asdict(past) for name, past in known.items()}).encode())
    return [past for past in known.values() if past.n > 0]


def _read_index(path: Path) -> dict[str, _Past]:
    try:
        raw = json.loads(read_checked(path) or b"{}")
        check_shape(raw, {str: _SHAPE}, INDEX)
        return {name: _Past(**past) for name, past in raw.items()}
    except (OSError, ValueError, TypeError, InvalidOutput):
        return {}


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
