"""A plugin whose metrics, aggregates and reporters do what they must not: each `kind` is one way of going wrong."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from harness.api import Component, Context, Estimate, Examples, MeasuredCell, Outcome, Records, Row, Status, hookimpl

NAN, INF = float("nan"), float("inf")


@hookimpl
def harness_components() -> Iterable[Component]:
    return [
        Component("task", "count", f"{__name__}:Count", "Records numbers."),
        Component("dataset", "numbers", f"{__name__}:numbers", "Eight numbers."),
        Component("metric", "misdeed", f"{__name__}:Misdeed", "One way of going wrong."),
        Component("aggregate", "odd_rows", f"{__name__}:OddRows", "One way of going wrong."),
        Component("reporter", "odd_files", f"{__name__}:OddFiles", "One way of going wrong."),
    ]


def numbers() -> Examples:
    """The numbers from 0."""
    return Examples([f"e{i}" for i in range(8)], {"number": np.arange(8, dtype=np.float64)})


class Count:
    """Records the numbers."""

    def run(self, data: Examples, ctx: Context) -> Outcome:
        """One record per example."""
        return Outcome({"id": list(data.ids), "number": data.take(range(8))["number"]}, {}, {})


def good(**changes: Any) -> Estimate:
    return Estimate(**{"value": 0.5, "low": 0.4, "high": 0.6, "level": 0.95, "method": "m", "n": 8, **changes})


class Unreadable(Exception):
    """Its text cannot be read."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Cheating(Estimate):
    """Does not check itself."""

    def __post_init__(self) -> None:
        pass


def throw(error: BaseException) -> Estimate:
    raise error


def after(deed: Callable[[], Any]) -> Callable[[], Estimate]:
    def call() -> Estimate:
        deed()
        return good()

    return call


def leave_a_process() -> None:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)


def channels() -> list[int]:
    """The sockets of this process."""
    links = [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return [int(path.name) for path in links if str(path.readlink()).startswith("socket:")]


def write_into_channel(data: bytes) -> None:
    for descriptor in channels():
        os.write(descriptor, data)


def sleep() -> None:
    time.sleep(600)


def ignore_signals_and_hang() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sleep()


def fork_and_hold_the_channel() -> None:
    if os.fork() == 0:
        sleep()
    os._exit(1)


def forged(**answer: Any) -> Callable[[], None]:
    import json

    def write() -> None:
        for number in range(1, 200):
            write_into_channel(json.dumps({"number": number, **answer}).encode() + b"\n")
        sleep()

    return write


DEEDS: Mapping[str, Callable[[], Any]] = {
    "good": good,
    "outside": lambda: good(value=0.9, low=0.1, high=0.2),
    "no_fraction": lambda: good(value=7.0, low=6.0, high=8.0),
    "upside_down": lambda: good(low=0.6, high=0.4),
    "nan": lambda: good(value=NAN),
    "infinite": lambda: good(value=INF, high=None),
    "infinite_end": lambda: good(high=INF),
    "negative_n": lambda: good(n=-5),
    "half_n": lambda: good(n=3.7),
    "text_n": lambda: good(n="many"),
    "negative_missing": lambda: good(n_missing=-3),
    "p_of_7": lambda: good(p=7),
    "level_of_42": lambda: good(level=42),
    "no_low_and_high_below": lambda: good(low=None, high=0.3),
    "text_value": lambda: good(value="0.5"),
    "array_value": lambda: good(value=np.array([0.5])),
    "no_method": lambda: good(method=None),
    "cheating_class": lambda: Cheating(9.0, 0.4, 0.6, 0.95, "m", -1),
    "float": lambda: 0.5,
    "none": lambda: None,
    "numpy_scalar": lambda: good(value=np.float32(0.5)),
    "numpy_count": lambda: good(n=np.int64(8)),
    "numpy_truth": lambda: good(value=np.bool_(True), low=None, high=None),
    "zero_dimensions": lambda: good(value=np.array(0.5)),
    "decimal": lambda: good(value=Decimal("0.5")),
    "half_characters": lambda: good(reason="no file caf\udce9.txt"),
    "raise": lambda: throw(ValueError("a bug of the plugin")),
    "raise_half_characters": lambda: throw(OSError("no file caf\udce9.txt")),
    "raise_unreadable": lambda: throw(Unreadable()),
    "raise_long": lambda: throw(ValueError("x" * 1_000_000)),
    "cancelled": lambda: throw(asyncio.CancelledError()),
    "base_exception": lambda: throw(BaseException("stop")),
    "keyboard_interrupt": lambda: throw(KeyboardInterrupt()),
    "system_exit": lambda: throw(SystemExit(0)),
    "generator_exit": lambda: throw(GeneratorExit()),
    "memory_error": lambda: throw(MemoryError()),
    "recursion": lambda: recurse(0),
    "exit": lambda: os._exit(0),
    "segfault": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "kill_itself": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hang": after(sleep),
    "hang_without_signals": after(ignore_signals_and_hang),
    "stop_itself": after(lambda: os.kill(os.getpid(), signal.SIGSTOP)),
    "fork": after(fork_and_hold_the_channel),
    "close_channel": after(lambda: [os.close(number) for number in channels()]),
    "garbage": after(lambda: write_into_channel(b"\xff\xfe garbage\n")),
    "number_for_answer": after(lambda: write_into_channel(b"3\n")),
    "forged_value": after(forged(value={"value": "x"})),
    "forged_fault": after(forged(fault={"status": "splendid"})),
    "leave_process": after(leave_a_process),
    "leave_thread": after(lambda: threading.Thread(target=sleep, daemon=True).start()),
    "chdir": after(lambda: os.chdir("/")),
    "umask": after(lambda: os.umask(0o777)),
    "print": after(lambda: (print("x" * 100_000), print("caf\udce9".encode("utf-8", "surrogateescape")))),
    "close_streams": after(lambda: [os.close(number) for number in (0, 1, 2)]),
    "too_much_memory": lambda: good(n=len(bytearray(1 << 46))),
}


def recurse(depth: int) -> Estimate:
    return recurse(depth + 1)


class Misdeed:
    """One way of going wrong.

    Args:
        kind: which.
    """

    columns = ("number",)
    direction = "max"
    unit = "fraction"

    def __init__(self, kind: str = "good") -> None:
        self._kind = kind

    def estimate(self, records: Records) -> Estimate:
        """Whatever the kind does."""
        result: Estimate = DEEDS[self._kind]()
        return result


ROWS: Mapping[str, Callable[[Row], Any]] = {
    "good": lambda row: row,
    "no_row": lambda row: "row",
    "nan_cost": lambda row: Row(row.experiment, row.labels, 0, Status.OK, cost={"effort": NAN}),
    "text_cost": lambda row: Row(row.experiment, row.labels, 0, Status.OK, cost={"effort": "much"}),  # type: ignore
    "number_label": lambda row: Row(row.experiment, {"model": 3}, 0, Status.OK),  # type: ignore[dict-item]
    "half_characters": lambda row: Row(row.experiment, {"model": "caf\udce9"}, 0, Status.OK),
    "no_json": lambda row: Row(row.experiment, {}, 0, Status.OK, facts={"model": {"folder": Path()}}),
    **{
        kind: lambda row, kind=kind: DEEDS[kind]()
        for kind in (
            "raise",
            "exit",
            "segfault",
            "hang",
            "keyboard_interrupt",
            "base_exception",
            "raise_half_characters",
        )
    },
}


class OddRows:
    """One way of going wrong.

    Args:
        kind: which.
    """

    def __init__(self, kind: str = "good") -> None:
        self._kind = kind

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """One row, of the first cell."""
        yield ROWS[self._kind](cells[0].row)


class OddFiles:
    """One way of going wrong.

    Args:
        kind: which.
    """

    def __init__(self, kind: str = "good") -> None:
        self._kind = kind

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """One file, and whatever the kind does."""
        path = folder / f"{self._kind}.txt"
        path.write_text("text")
        if self._kind == "no_file":
            path.unlink()
        elif self._kind != "good":
            DEEDS[self._kind]()
        return [path]
