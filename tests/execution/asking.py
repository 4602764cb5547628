"""Cells of the plugin `changing`, in which a model is asked what it makes of four inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.contract.cells import Cell, Use
from harness.contract.components import Kind
from harness.execution.build import Builder
from harness.plugins import Catalog
from harness.store.store import Store


def use(kind: Kind, name: str, *, trained_on: Use | None = None, **parameters: Any) -> Use:
    return Use(kind, f"changing/{name}", name, 1, parameters, trained_on=trained_on)


PLAIN = use("model", "plain")
VIEWS = use("dataset", "views")


def asking(model: Use, how: str = "nothing", **roles: Use) -> Cell:
    """A cell with this model, to which the task does this beforehand."""
    components: Any = {"data": VIEWS, "model": model, "attack": None, **roles}
    return Cell("e", use("task", "ask", how=how), components)


def new_builder(acting: Catalog, folder: Path) -> Builder:
    return Builder(acting, Store(folder / "results" / "store"), "cpu", 32, lambda *_: None)
