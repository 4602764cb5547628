"""The plan of a suite: its cells in the order in which they run, and what is made of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType, NoneType
from typing import Any, Literal

from harness.contract.cells import SHOWN_ROLES, Cell, Use, digest, uses_in
from harness.contract.errors import InvalidOutput, UsageError, cause_of
from harness.contract.imports import NO_RIGHTS
from harness.contract.shapes import check_shape
from harness.suite.patterns import matches

Isolation = Literal["inline", "process", "cell"]
_MAX_CELLS_NAMED, _MIN_KEY_LENGTH = 20, 4
NO_KEYS: Mapping[str, Collection[str]] = MappingProxyType({})
_HEAD_FIELDS = ("suite", "about", "file", "deselected", "threads", "timeout", "isolation")
_NUMBER = (int, float, NoneType)
_SHAPE: Mapping[str, Any] = {
    **dict.fromkeys(("suite", "about", "file"), str),
    **dict.fromkeys(("threads", "timeout"), _NUMBER),
    "deselected": int,
    "isolation": (str, NoneType),
    "warnings": [str],
    "uses": {str: dict},
    "cells": [
        {"experiment": str, "task": str, "components": {str: (str, NoneType)}, "metrics": [str]}
        | {"seed": int, "chunk": int, "skip": str}
    ],
    "experiments": [
        {"name": str, "about": str, **{name: [str] for name in ("metrics", "aggregates", "reports", "groups")}}
        | {"expect": [{"metric": str, "where": {str: str}, "at_least": _NUMBER, "at_most": _NUMBER, "aggregate": str}]}
    ],
}


def is_called(name: str, names: Collection[str]) -> bool:
    """Whether every part of a name such as "hardened / fmn" is one of these names."""
    return all(part.strip() in names for part in name.split(" / "))


def _names_of(cell: Cell) -> set[str]:
    joined = " / ".join(label for role, label in cell.labels.items() if role != "data")
    return {*cell.labels.values(), cell.experiment, f"seed {cell.seed}", joined} - {""}


def _described(cell: Cell) -> str:
    labels = " / ".join(cell.labels[role] for role in SHOWN_ROLES if role in cell.labels and role != "data")
    return f"{cell.id}  {labels}" if labels else cell.id


@dataclass(frozen=True)
class Expectation:
    """A number that must hold.

    Attributes:
        metric: its label.
        where: role to a pattern of labels, `*` for any.
        at_least, at_most: the bound; one of them is None.
        aggregate: the label of the aggregate whose rows it is about; empty for all rows that have the metric.
    """

    metric: str
    where: Mapping[str, str]
    at_least: float | None = None
    at_most: float | None = None
    aggregate: str = ""

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"the expectation of {self.metric!r} must have one bound")

    def concerns(self, labels: Mapping[str, str]) -> bool:
        """Whether it is about a row with these labels."""
        return matches(labels, self.where)

    def __str__(self) -> str:
        bound = f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"
        where = ", ".join(f"{role} {pattern}" for role, pattern in self.where.items() if pattern != "*")
        name = f"{self.aggregate}: {self.metric}" if self.aggregate else self.metric
        return f"{name} {bound}" + (f" where {where}" if where else "")


@dataclass(frozen=True)
class HeadlineRequest:
    """What an experiment was run to find out.

    Attributes:
        rows: patterns of labels, by role and by "group", "aggregate" and "shown"; none for the default.
        metrics: labels of metrics; none for the default.
        contrast: the role whose labels are tested against each other; empty for the default.
        against: the label that all others are tested against; empty for every two.
        show: whether it has a part in the headline.
        of_treatments: metrics that only rows with a treatment, such as an attack, can have; the first is the default.
    """

    rows: tuple[Mapping[str, str], ...] = ()
    metrics: tuple[str, ...] = ()
    contrast: str = ""
    against: str = ""
    show: bool = True
    of_treatments: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> HeadlineRequest:
        """The inverse of `asdict`; the default of what is empty, as in runs before there were headlines."""
        lists = {name: tuple(raw[name]) for name in ("rows", "metrics", "of_treatments") if name in raw}
        return cls(**{**raw, **lists})


@dataclass(frozen=True)
class PlannedExperiment:
    """An experiment of a plan: what is computed from its cells."""

    name: str
    about: str
    metrics: tuple[Use, ...]
    aggregates: tuple[Use, ...]
    reports: tuple[Use, ...]
    expect: tuple[Expectation, ...] = ()
    groups: tuple[str, ...] = ()
    headline: HeadlineRequest = HeadlineRequest()


@dataclass(frozen=True)
class Plan:
    """All cells of a suite, in the order in which they run.

    Attributes:
        suite, about: its name and question.
        file: where it was read from.
        experiments: by name.
        cells: in order; a cell that cannot run says why in `skip`.
        deselected: number of combinations that `include`, `exclude` or a plugin left out.
        threads: torch threads it asks for.
        timeout: seconds that a cell may take.
        isolation: where cells run: "inline", "process" or "cell".
        warnings: warnings for the user.
        changes: what the run asked of the suite beside its file, as options of the command line.
        executor: where cells run, if the suite says so; no part of what is measured, nor of the plan as JSON.
        whole: of a shard, the plan that it is a part of; no part of the plan as JSON.
    """

    suite: str
    about: str
    file: str
    experiments: Mapping[str, PlannedExperiment]
    cells: tuple[Cell, ...]
    deselected: int = 0
    threads: int | None = None
    timeout: float | None = None
    isolation: Isolation | None = None
    warnings: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    executor: Use | None = None
    whole: Plan | None = None

    def find_cell(self, name: str, keys: Mapping[str, Collection[str]] = NO_KEYS) -> Cell:
        """Find the cell with this id, with these labels as tables print them, with this key, or part of this id.

        Args:
            name: such as "hardened / fmn", also with the experiment or "seed 1"; the start of a key; a part of an id.
            keys: id of a cell to its keys.

        Raises:
            UsageError: there is none, or there are several.
        """
        matches = next(filter(None, self._called(name, keys)), [])
        if len(matches) != 1:
            ids = "\n  ".join(_described(cell) for cell in (matches or self.cells)[:_MAX_CELLS_NAMED])
            more = len(matches or self.cells) - _MAX_CELLS_NAMED
            message = f"{len(matches) or 'no'} cells are called {name!r}; there are\n  {ids}"
            raise UsageError(message + (f"\n  and {more} more" if more > 0 else ""))
        return matches[0]

    def _called(self, name: str, keys: Mapping[str, Collection[str]]) -> Iterator[list[Cell]]:
        """Yield the cells that a name means, the surest way of reading it first."""
        yield [cell for cell in self.cells if cell.id == name]
        yield [cell for cell in self.cells if is_called(name, _names_of(cell))]
        if len(name) >= _MIN_KEY_LENGTH:
            yield [cell for cell in self.cells if any(key.startswith(name) for key in keys.get(cell.id, ()))]
        yield [cell for cell in self.cells if name in cell.id]

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON; each component stands in it once."""
        uses: dict[str, Any] = {}
        keys: dict[int, str] = {}

        def put(use: Use | None) -> str | None:
            if use is None:
                return None
            if id(use) not in keys:
                keys[id(use)] = put_anew(use)
            return keys[id(use)]

        def put_anew(use: Use) -> str:
            key = digest(
                [use.kind, use.label, use.identity, [str(use.parameters[n]) for n in (*use.paths, *use.uncounted)]]
            )[:16]
            uses.setdefault(key, use.to_json())
            return key

        cells = [
            {
                "experiment": cell.experiment,
                "task": put(cell.task),
                "components": {role: put(use) for role, use in cell.components.items()},
                "metrics": [put(use) for use in cell.metrics],
                "seed": cell.seed,
                "chunk": cell.chunk,
                "skip": cell.skip,
            }
            for cell in self.cells
        ]
        parts = ("metrics", "aggregates", "reports")
        experiments = [
            {"name": e.name, "about": e.about, "expect": [asdict(each) for each in e.expect]}
            | {"groups": list(e.groups), "headline": asdict(e.headline)}
            | {part: [put(use) for use in getattr(e, part)] for part in parts}
            for e in self.experiments.values()
        ]
        head = {name: getattr(self, name) for name in _HEAD_FIELDS}
        head |= {"changes": list(self.changes)}
        return {**head, "warnings": list(self.warnings), "experiments": experiments, "cells": cells, "uses": uses}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Plan:
        """The inverse of `to_json`. Raises UsageError if it is no plan."""
        try:
            return cls._from_json(raw)
        except (InvalidOutput, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise UsageError(
                f"plan.json is damaged ({type(error).__name__}: {cause_of(error)}); "
                "run the suite again, which takes finished cells from the store"
            ) from None

    @classmethod
    def _from_json(cls, raw: Mapping[str, Any]) -> Plan:
        check_shape(raw, _SHAPE, "the plan")
        uses = {key: _without_rights(Use.from_json(value)) for key, value in raw["uses"].items()}

        def get(keys: Sequence[str]) -> tuple[Use, ...]:
            return tuple(uses[key] for key in keys)

        cells = tuple(
            Cell(
                cell["experiment"],
                uses[cell["task"]],
                {role: uses[key] if key else None for role, key in cell["components"].items()},
                get(cell["metrics"]),
                cell["seed"],
                cell["chunk"],
                cell["skip"],
            )
            for cell in raw["cells"]
        )
        experiments = {
            e["name"]: PlannedExperiment(
                e["name"],
                e["about"],
                get(e["metrics"]),
                get(e["aggregates"]),
                get(e["reports"]),
                tuple(Expectation(**each) for each in e["expect"]),
                tuple(e["groups"]),
                HeadlineRequest.from_json(e.get("headline", {})),
            )
            for e in raw["experiments"]
        }
        head = {name: raw[name] for name in _HEAD_FIELDS}
        warnings, changes = tuple(raw["warnings"]), tuple(raw.get("changes", ()))
        return cls(**head, experiments=experiments, cells=cells, warnings=warnings, changes=changes)


def _without_rights(use: Use) -> Use:
    """A use of a plan from a file: what its suite was allowed to import is no grant of whoever reads it."""
    inner = {name: uses_in(value) for name, value in use.parameters.items()}
    changed = {
        name: tuple(map(_without_rights, uses)) if isinstance(use.parameters[name], tuple) else _without_rights(uses[0])
        for name, uses in inner.items()
        if uses
    }
    if not changed and use.rights is NO_RIGHTS:
        return use
    return replace(use, parameters={**use.parameters, **changed}, rights=NO_RIGHTS)
