"""A plugin whose cells do what cells must not: each `kind` is one way of going wrong."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np

from harness.api import Component, Context, Dataset, Estimate, Examples, Outcome, Records, hookimpl, mean

Kind = Literal[
    "fine", "raise", "hang", "ignore_term", "segfault", "exit", "system_exit", "memory", "orphan", "daemon",
    "flood", "crash_once", "killed", "killed_once", "slow", "half_written", "tell_process", "busy", "bad_cost",
    "bad_progress", "bad_display",
]  # fmt: skip


@hookimpl
def harness_components() -> Iterable[Component]:
    return [
        Component("task", "act", f"{__name__}:Act", "Does what its treatment says."),
        Component("dataset", "tiny", f"{__name__}:tiny", "A few numbers."),
        Component("attack", "behave", f"{__name__}:Behave", "One way of going wrong."),
        Component("metric", "mean_value", f"{__name__}:MeanValue", "Mean of the records."),
    ]


def tiny(n: int = 8) -> Examples:
    """The numbers from 0."""
    return Examples([f"e{i}" for i in range(n)], {"number": np.arange(n, dtype=np.float64)})


class Behave:
    """One way of going wrong.

    Args:
        kind: which.
        which: tells cells of the same kind apart.
        notes: a folder to leave notes in, for what goes wrong once only; a slow one waits while a note says `hold`.
    """

    def __init__(self, kind: Kind = "fine", which: int = 0, notes: str = "") -> None:
        self.kind, self.which, self.notes = kind, which, notes

    def is_first_time(self) -> bool:
        note = Path(self.notes) / f"{self.kind}-{self.which}"
        if note.exists():
            return False
        note.touch()
        return True


class Act:
    """Records are the numbers of the data plus a draw of their own; on the way, the treatment does its worst."""

    def run(self, data: Dataset, attack: Behave, ctx: Context) -> Outcome:
        numbers = data.take(range(len(data.ids)))["number"]
        act(attack, ctx)
        if attack.notes:
            with (Path(attack.notes) / "executed").open("a") as file:
                file.write(f"{attack.which}\n")
        drawn = ctx.uniform(data.ids, (), "value", attack.which).numpy()
        cost = {"effort": float("nan")} if attack.kind == "bad_cost" else {"effort": np.float32(1)}
        display: dict = {"dose": 2} if attack.kind == "bad_display" else {"dose": "2 mg"}
        return Outcome({"id": list(data.ids), "value": numbers + drawn}, cost=cost, display=display)  # type: ignore[arg-type]


def act(attack: Behave, ctx: Context) -> None:
    match attack.kind:
        case "raise":
            raise ValueError("a bug of the plugin")
        case "hang":
            time.sleep(3600)
        case "ignore_term":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(3600)
        case "segfault":
            ctypes.string_at(0)
        case "crash_once" if attack.is_first_time():
            ctypes.string_at(0)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "killed_once" if attack.is_first_time():
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(0)
        case "system_exit":
            raise SystemExit(0)
        case "memory" if ctx.batch_size > 5:
            raise MemoryError(f"batch of {ctx.batch_size}")
        case "orphan":
            sleeper(attack)
        case "daemon":
            sleeper(attack, start_new_session=True)
        case "flood":
            for _ in range(100_000):
                print("x" * 199)
        case "tell_process":
            (Path(attack.notes) / f"process-{attack.which}").write_text(str(os.getpid()))
        case "bad_progress":
            ctx.progress("half", None)  # type: ignore[arg-type]
        case "busy":
            sum(range(60_000_000))
        case "slow":
            time.sleep(0.3)
            while (Path(attack.notes) / f"hold-{attack.which}").exists():
                time.sleep(0.05)
        case "half_written":
            (ctx.scratch.parent / "records.parquet").write_bytes(b"half")
            os._exit(1)


def sleeper(attack: Behave, **how: bool) -> None:
    """Start a process that outlives the cell, and note its id."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], **how)  # type: ignore[call-overload]
    (Path(attack.notes) / f"{attack.kind}.pid").write_text(str(process.pid))


class MeanValue:
    """Mean of the records."""

    columns = ("value",)
    direction = "none"
    unit = ""

    def estimate(self, records: Records) -> Estimate:
        return mean(records["value"])
