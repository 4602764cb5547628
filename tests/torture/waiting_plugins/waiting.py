"""A plugin that waits in each phase of a run while a note says so."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.api import Cell, Component, Context, Estimate, Examples, Outcome, Records, Row, hookimpl, mean


def hold(phase: str) -> None:
    """Wait while there is a note of the phase, and leave one that it is reached."""
    notes = Path(os.environ["WAITING_NOTES"])
    if (notes / f"hold-{phase}").exists():
        (notes / f"at-{phase}").touch()
    while (notes / f"hold-{phase}").exists():
        time.sleep(0.02)


@hookimpl
def harness_components() -> Iterable[Component]:
    return [
        Component("task", "wait", f"{__name__}:Wait", "Waits."),
        Component("dataset", "one", f"{__name__}:one", "One number."),
        Component("attack", "pause", f"{__name__}:Pause", "Waits while it is asked to."),
        Component("metric", "waited", f"{__name__}:Waited", "Mean of the records."),
        Component("reporter", "pause_report", f"{__name__}:PauseReport", "A file."),
    ]


@hookimpl
def harness_modify_cells(cells: list[Cell]) -> None:
    """Change nothing."""
    hold("plan")


def one() -> Examples:
    """One number."""
    return Examples(["e0"], {"number": [1.0]})


class Pause:
    """Waits while it is asked to."""


class Wait:
    """Waits."""

    def run(self, data: Examples, attack: Pause | None = None, *, ctx: Context) -> Outcome:
        """One record."""
        if attack is not None:
            hold("run")
        return Outcome({"id": list(data.ids), "number": [1.0]}, {}, {})


class Waited:
    """Mean of the records."""

    columns = ("number",)
    direction = "max"
    unit = "number"

    def estimate(self, records: Records) -> Estimate:
        """The mean."""
        hold("metrics")
        return mean(records["number"])


class PauseReport:
    """A file."""

    def report(self, rows: Sequence[Row], folder: Path) -> list[Path]:
        """Write it."""
        hold("reporters")
        (folder / "waited.txt").write_text("text")
        return [folder / "waited.txt"]
