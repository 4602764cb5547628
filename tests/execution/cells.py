"""Cells of the plugin `acting`, made without a suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.contract.cells import Cell, Use
from harness.contract.components import Kind

PLUGINS = Path(__file__).parent / "plugins"


def use(kind: Kind, name: str, *, trained_on: Use | None = None, member: int = 0, **parameters: Any) -> Use:
    """A component of the plugin under its own name."""
    return Use(kind, f"acting/{name}", name, 1, parameters, trained_on=trained_on, member=member)


def cell(how: str = "", *, seed: int = 0, model: Use | None = None, attack: Use | None = None, **data: Any) -> Cell:
    """A cell that does this with the numbers from 0."""
    components = {"data": use("dataset", "numbers", **data), "model": model, "attack": attack}
    return Cell("e", use("task", "act", how=how), components, seed=seed)  # type: ignore[arg-type]
