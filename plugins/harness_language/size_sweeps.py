"""Sweeps over the size of a model, found among the rows of a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Gt

from harness.api import HarnessError, Row

LEAST_SIZES = 3
DeclaredSizes = dict[str, Annotated[float, Gt(0)]]
"""The label of each model of a family to its size."""


@dataclass(frozen=True)
class SizeSweep:
    """One model at several sizes, all else being equal.

    Attributes:
        label: the label of the model without its size.
        parameter: the parameter that is the size, or what declared sizes count.
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
        raise HarnessError(
            f"no model was run at {LEAST_SIZES} sizes or more: sweep {what} of a model, or declare `sizes` of several"
        )
    return sweeps


def declared_sweeps(rows: Sequence[Row], sizes: Mapping[str, float], counted: str) -> list[SizeSweep]:
    """A family of different models by declared sizes, from the rows of cells; one sweep for each setting of the rest.

    Args:
        rows: of a table.
        sizes: the label of each model to its size.
        counted: what a size counts, such as parameters or FLOPs.

    Raises:
        HarnessError: a label is none of a model, or fewer than three sizes are declared.
    """
    labels = {row.labels["model"] for row in rows if not row.derived and "model" in row.labels}
    unknown = sorted(set(sizes) - labels)
    if unknown:
        raise HarnessError(f"`sizes` names {unknown[0]!r}, which is no model; there are {', '.join(sorted(labels))}")
    if len(set(sizes.values())) < LEAST_SIZES:
        raise HarnessError(f"`sizes` has {len(set(sizes.values()))} sizes; {LEAST_SIZES} or more are needed")
    settings: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        if not row.derived and row.labels.get("model") in sizes:
            rest = {role: use for role, use in row.components.items() if role != "model"}
            settings.setdefault(json.dumps([row.experiment, rest], sort_keys=True), []).append(index)
    family = _common_beginning(min(sizes), max(sizes)).rstrip(" -_/.=") or "models"
    return [SizeSweep(family, counted, _by_size(rows, places, sizes)) for places in settings.values()]


def _common_beginning(one: str, other: str) -> str:
    """What two texts begin with; of all texts that lie between them by the alphabet, if these are the outer ones."""
    pairs = enumerate(zip(one, other, strict=False))
    return one[: next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))]


def _by_size(rows: Sequence[Row], places: Sequence[int], sizes: Mapping[str, float]) -> dict[float, list[int]]:
    members: dict[float, list[int]] = {}
    for index in sorted(places, key=lambda index: sizes[rows[index].labels["model"]]):
        members.setdefault(float(sizes[rows[index].labels["model"]]), []).append(index)
    return members


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
