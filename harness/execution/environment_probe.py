"""Answers, in another environment, what is installed there and what the keys of cells are: `python -m` this module.

It reads one JSON object from its input and writes one into the file that is named there, since plugins may print.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.contract.cells import Cell, Use
from harness.contract.errors import HarnessError, UsageError
from harness.loaded_code import record_imports
from harness.plugins import ABSENT, Catalog, distribution_version, installed_distributions, load_catalog
from harness.store.keys import cell_key_inputs, core_digest
from harness.store.store import Store
from harness.version import __version__


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What is installed in this environment, and what the keys of the cells are made of here, or what it lacks."""
    catalog = load_catalog([Path(folder) for folder in asked["plugin_folders"]])
    store = Store(Path(asked["store"]), as_loaded=True)
    cells = {name: Cell.from_json(raw) for name, raw in asked["cells"].items()}
    faults = list(
        dict.fromkeys(fault for cell in cells.values() for use in cell.uses for fault in _faults(use, catalog))
    )
    inputs: dict[str, Any] = {}
    if not faults:
        try:
            inputs = {name: cell_key_inputs(cell, catalog, store, asked["device"]) for name, cell in cells.items()}
        except HarnessError as error:
            faults = [str(error)]
    return {
        "harness": __version__,
        "core": core_digest(store),
        "python": sys.version.split()[0],
        "packages": installed_distributions(),
        "faults": faults,
        "inputs": inputs,
    }


def _faults(use: Use, catalog: Catalog) -> Iterator[str]:
    try:
        requires = catalog.find(use.kind, use.name).component.requires
    except UsageError as error:
        yield f"lacks the plugin of {use.kind} {use.label!r}: {error}"
        return
    if missing := [name for name in requires if distribution_version(name) == ABSENT]:
        yield f"lacks {' and '.join(missing)}, which {use.kind} {use.label!r} needs: pip install {' '.join(missing)}"


def main() -> None:
    """Answer one question."""
    record_imports()
    asked = json.load(sys.stdin)
    Path(asked["answer"]).write_text(json.dumps(answer(asked)), encoding="utf-8")


if __name__ == "__main__":
    main()
