"""The plan of a suite: its cells in the order in which they run, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.contract.cells import Cell, Use, digest


@dataclass(frozen=True)
class PlannedExperiment:
    """What is made of the cells of one experiment."""

    name: str
    about: str
    metrics: tuple[Use, ...]
    aggregates: tuple[Use, ...]
    reports: tuple[Use, ...]


@dataclass(frozen=True)
class Plan:
    """All cells of a suite, in the order in which they run.

    Attributes:
        suite, about: its name and question.
        file: where it was read from.
        threads: torch threads it asks for.
        experiments: by name.
        cells: in order; a cell that cannot run says why in `skip`.
        deselected: how many combinations `include`, `exclude` or a plugin left out.
        warnings: what a user should know of it.
    """

    suite: str
    about: str
    file: str
    threads: int | None
    experiments: Mapping[str, PlannedExperiment]
    cells: tuple[Cell, ...]
    deselected: int
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON; each component stands in it once."""
        uses: dict[str, Any] = {}

        def put(use: Use | None) -> str | None:
            if use is None:
                return None
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
            {"name": e.name, "about": e.about, **{part: [put(use) for use in getattr(e, part)] for part in parts}}
            for e in self.experiments.values()
        ]
        head = {name: getattr(self, name) for name in ("suite", "about", "file", "threads", "deselected")}
        return {**head, "experiments": experiments, "cells": cells, "uses": uses}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Plan:
        """The inverse of `to_json`."""
        uses = {key: Use.from_json(value) for key, value in raw["uses"].items()}

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
                e["name"], e["about"], get(e["metrics"]), get(e["aggregates"]), get(e["reports"])
            )
            for e in raw["experiments"]
        }
        return cls(raw["suite"], raw["about"], raw["file"], raw["threads"], experiments, cells, raw["deselected"])
