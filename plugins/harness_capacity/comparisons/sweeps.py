"""Sweeps over one number of a model, its training data, its data or its attack, found among the rows of a table."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.api import HarnessError, Row

LEAST_VALUES = 2


@dataclass(frozen=True)
class Sweep:
    """The rows that differ in one number only, and in their seed.

    Attributes:
        labels: the labels of the rows by role, without the number.
        over: the number, as in `model.width`.
        members: its values in increasing order, and the rows of each.
    """

    labels: Mapping[str, str]
    over: str
    members: Mapping[float, Sequence[Row]]

    @property
    def first(self) -> Row:
        """A row, for what all have in common."""
        return next(iter(self.members.values()))[0]

    @property
    def role(self) -> str:
        """The role whose number is swept."""
        return self.over.partition(".")[0]

    def values_of(self, metric: str) -> dict[float, list[float]]:
        """The values of a metric by the number, one for each measured seed; what gave none is left out."""
        found = {
            number: [
                float(row.estimates[metric].value)  # type: ignore[arg-type]
                for row in rows
                if row.status.is_measured and metric in row.estimates and row.estimates[metric].value is not None
            ]
            for number, rows in self.members.items()
        }
        return {number: values for number, values in found.items() if values}


def sweeps(rows: Sequence[Row], over: str, across: Sequence[str] = ()) -> list[Sweep]:
    """Every family of rows that differ in the number `over`, in their seed, and in the numbers `across`.

    Args:
        rows: of a table.
        over: role and parameter with dots between, `model.width`; `model.trained_on.n` is a parameter of the data that
            the model was trained on.
        across: parameters whose values are draws of one and the same thing, such as `model.trained_on.draw`.

    Raises:
        HarnessError: no row has two values of it with all else equal.
    """
    families: dict[str, list[Row]] = {}
    for row in rows:
        if not row.derived and is_number(parameter(row.components, over)):
            rest = without(row.components, (over, *across))
            families.setdefault(json.dumps([row.experiment, rest], sort_keys=True, default=str), []).append(row)
    made = [_sweep_of(members, over, across) for members in families.values()]
    made = [sweep for sweep in made if len(sweep.members) >= LEAST_VALUES]
    if not made:
        raise HarnessError(f"no rows differ in `{over}` alone: give it {LEAST_VALUES} values or more, or name another")
    return made


def parameter(components: Mapping[str, Any], path: str) -> Any:
    """The value of a parameter of the components of a row; None if there is none of that name."""
    role, *names = path.split(".")
    value: Any = components.get(role)
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name) if name == "trained_on" else (value.get("parameters") or {}).get(name)
    return value


def is_number(value: Any) -> bool:
    """Whether a parameter is a number, which truth values are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def without(components: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    """The components without these parameters."""
    left: dict[str, Any] = copy.deepcopy(dict(components))
    # A model without data of its own is trained on another split of those of its cell.
    trained = [f"model.trained_on.{path.removeprefix('data.')}" for path in paths if path.startswith("data.")]
    for path in (*paths, *trained):
        above, _, name = path.rpartition(".")
        holder = left.get(above) if "." not in above else parameter(left, above)
        if isinstance(holder, Mapping):
            holder.get("parameters", {}).pop(name, None)
    return left


def _sweep_of(rows: Sequence[Row], over: str, across: Sequence[str]) -> Sweep:
    values = sorted({float(parameter(row.components, over)) for row in rows})
    members = {v: [row for row in rows if float(parameter(row.components, over)) == v] for v in values}
    names = tuple(f"{path.rpartition('.')[2]}=" for path in (over, *across))
    labels = {role: _common([row.labels[role] for row in rows if role in row.labels], names) for role in rows[0].labels}
    return Sweep(labels, over, members)


def _common(labels: Sequence[str], names: tuple[str, ...]) -> str:
    """The words that all labels have, in the order of the first, without those of the swept numbers."""
    others = [set(label.split(" ")) for label in labels]
    words = [word for word in labels[0].split(" ") if not word.startswith(names)]
    return " ".join(word for word in words if all(word in label for label in others)) or labels[0]
