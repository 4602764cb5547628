"""Sweeps over the size of a model, found among the rows of a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.api import HarnessError, Row

LEAST_SIZES = 3


@dataclass(frozen=True)
class SizeSweep:
    """One model at several sizes, all else being equal.

    Attributes:
        label: the label of the model without its size.
        parameter: the parameter that is the size.
        members: the places of its rows by size, from small to large; several are other seeds.
    """

    label: str
    parameter: str
    members: Mapping[float, Sequence[int]]

    @property
    def sizes(self) -> list[float]:
        """The sizes in increasing order."""
        return list(self.members)


def size_sweeps(rows: Sequence[Row], parameter: str | None) -> list[SizeSweep]:
    """Every model that was run at three sizes or more, from the rows of cells.

    Args:
        rows: of a table.
        parameter: the parameter of the model that is its size; by default the only number that varies.

    Raises:
        HarnessError: there is none, or several numbers vary.
    """
    families: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        model = row.components.get("model")
        if row.derived or not isinstance(model, Mapping):
            continue
        rest = {role: use for role, use in row.components.items() if role != "model"}
        families.setdefault(json.dumps([row.experiment, model["name"], rest], sort_keys=True), []).append(index)
    sweeps = [sweep for places in families.values() for sweep in _sweeps_of(rows, places, parameter)]
    if not sweeps:
        what = f"the parameter {parameter!r}" if parameter else "a number"
        raise HarnessError(f"no model was run at {LEAST_SIZES} sizes or more: sweep {what} of a model")
    return sweeps


def _sweeps_of(rows: Sequence[Row], places: Sequence[int], parameter: str | None) -> list[SizeSweep]:
    varying = _varying([rows[index] for index in places])
    if parameter is None and len(varying) > 1:
        names = ", ".join(sorted(varying))
        raise HarnessError(f"several parameters vary ({names}): say with `size` which of them is the size of the model")
    name = parameter if parameter is not None else next(iter(varying), None)
    if name is None:
        return []
    alike: dict[str, list[int]] = {}
    for index in places:
        model = rows[index].components["model"]
        if not _is_number(model["parameters"].get(name)):
            continue
        others = {key: value for key, value in model["parameters"].items() if key != name}
        alike.setdefault(json.dumps([{**model, "parameters": others}], sort_keys=True), []).append(index)
    sweeps = []
    for group in alike.values():
        sizes = sorted({_size(rows[index], name) for index in group})
        if len(sizes) >= LEAST_SIZES:
            members = {size: [index for index in group if _size(rows[index], name) == size] for size in sizes}
            sweeps.append(SizeSweep(_label([rows[index] for index in group], name), name, members))
    return sweeps


def _varying(rows: Sequence[Row]) -> set[str]:
    seen: dict[str, set[float]] = {}
    for row in rows:
        for name, value in row.components["model"]["parameters"].items():
            if _is_number(value):
                seen.setdefault(name, set()).add(float(value))
    return {name for name, values in seen.items() if len(values) > 1}


def _size(row: Row, name: str) -> float:
    return float(row.components["model"]["parameters"][name])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _label(rows: Sequence[Row], name: str) -> str:
    """The common label without the size; the name of the component if labels differ."""
    left = {
        " ".join(word for word in row.labels["model"].split(" ") if not word.startswith(f"{name}=")) for row in rows
    }
    return left.pop() if len(left) == 1 else str(rows[0].components["model"]["name"]).rpartition("/")[2]
