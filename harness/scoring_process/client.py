"""Calling metrics, aggregates and reporters in a process of their own, which is replaced when it dies or hangs."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness.contract.cells import Cell, Use
from harness.contract.errors import HarnessError
from harness.contract.estimates import Estimate
from harness.contract.rows import MeasuredCell, Row, Status
from harness.contract.tasks import Influences
from harness.execution.exits import status_of_exit
from harness.execution.memory_kills import memory_kills
from harness.execution.process_tree import adopt_orphans, descendants, end_adopted, kill_all, marked, signal_group
from harness.isolation import Fault
from harness.scoring.page_sections import FilledSection
from harness.scoring.per_example import Values
from harness.scoring.plugin_calls import Doubts, Limits
from harness.scoring_process.messages import (
    cell_to_json,
    fault_of,
    influences_from,
    news_to_json,
    objections_from,
    places_from,
    section_of,
    texts_from,
    values_from,
)

T = TypeVar("T")
TIME_LIMIT_SECONDS = 3600.0
HOOK_LIMIT_SECONDS = 60.0
"""Seconds that a hook may take that is called while a run is planned, under way or shown."""
_START_LIMIT_SECONDS = 300.0
"""Seconds that the process may take to import plugins."""
_POLL_SECONDS = 0.2
"""Seconds between two looks whether the process is still there."""
_MAX_ANSWER_BYTES = 1 << 28
_BLOCK_BYTES = 1 << 16


class ScoringProcess:
    """Calls plugins in another process, one call at a time; nothing that they do there ends this one.

    It is started by the first call and kept, and replaced after a call that it did not survive.

    Args:
        plugin_folders: as `--plugins-dir`.
        timeout: seconds that a call may take.
        is_stopping: asked during a call; once it is true, the call raises KeyboardInterrupt.
    """

    def __init__(
        self,
        plugin_folders: Sequence[Path] = (),
        *,
        timeout: float = TIME_LIMIT_SECONDS,
        is_stopping: Callable[[], bool] = bool,
    ) -> None:
        self._plugin_folders = [str(folder.resolve()) for folder in plugin_folders]
        self._timeout, self._is_stopping = timeout, is_stopping
        self._process: _Process | None = None
        self._never_started: Fault | None = None
        self._calls = 0

    def __enter__(self) -> ScoringProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def estimate(self, use: Use, folder: Path, protocol: Mapping[str, Any]) -> Estimate | Fault:
        arguments = {"use": use.to_json(), "folder": str(folder.resolve()), "protocol": protocol}
        return self._ask("estimate", arguments, lambda raw: Estimate(**raw))

    def group_rows(self, cell: MeasuredCell, groups: Sequence[str], metrics: Sequence[Use]) -> list[Row] | Fault:
        uses = [use.to_json() for use in metrics]
        return self._ask("group_rows", {"cell": cell_to_json(cell), "groups": list(groups), "metrics": uses}, _rows)

    def aggregate(self, use: Use, cells: Sequence[MeasuredCell]) -> list[Row] | Fault:
        return self._ask("aggregate", {"use": use.to_json(), "cells": [cell_to_json(cell) for cell in cells]}, _rows)

    def doubts(self, use: Use, cells: Sequence[MeasuredCell]) -> Doubts | Fault:
        return self._ask("doubts", {"use": use.to_json(), "cells": [cell_to_json(cell) for cell in cells]}, dict)

    def report(
        self,
        use: Use,
        rows: Sequence[Row],
        cells: Sequence[MeasuredCell],
        directions: Mapping[str, str],
        folder: Path,
    ) -> Fault | None:
        arguments = {
            "use": use.to_json(),
            "rows": [row.to_json() for row in rows],
            "cells": [cell_to_json(cell) for cell in cells],
            "directions": dict(directions),
            "folder": str(folder.resolve()),
        }
        return self._ask("report", arguments, lambda _: None)

    def limits(self, use: Use) -> Limits | Fault:
        return self._ask("limits", {"use": use.to_json()}, lambda raw: (float(raw[0]), float(raw[1])))

    def sections(
        self, plugin: str, cells: Sequence[MeasuredCell], *, examples: bool = True
    ) -> list[FilledSection] | Fault:
        of_cells = [cell_to_json(cell) for cell in cells]
        arguments = {"plugin": plugin, "cells": of_cells, "examples": examples}
        return self._ask("sections", arguments, lambda raw: [section_of(each) for each in raw])

    def kept_cells(self, plugin: str, cells: Sequence[Cell]) -> list[int] | Fault:
        arguments = {"plugin": plugin, "cells": [cell.to_json() for cell in cells]}
        return self._ask_hook("kept_cells", arguments, lambda raw: places_from(raw, len(cells)))

    def objections(self, plugin: str, cells: Sequence[Cell]) -> list[str | Fault] | Fault:
        arguments = {"plugin": plugin, "cells": [cell.to_json() for cell in cells]}
        return self._ask_hook("objections", arguments, lambda raw: objections_from(raw, len(cells)))

    def facts(self, plugin: str) -> Mapping[str, Any] | Fault:
        return self._ask_hook("facts", {"plugin": plugin}, dict)

    def redact(self, texts: Sequence[str]) -> list[str] | Fault:
        return self._ask_hook("redact", {"texts": list(texts)}, lambda raw: texts_from(raw, len(texts)))

    def notify(self, plugin: str, hook: str, arguments: Mapping[str, Any]) -> Fault | None:
        raw = {"plugin": plugin, "hook": hook, "arguments": news_to_json(arguments)}
        return self._ask_hook("notify", raw, lambda _: None)

    def per_example(self, use: Use, folder: Path, protocol: Mapping[str, Any]) -> Values | Fault | None:
        arguments = {"use": use.to_json(), "folder": str(folder.resolve()), "protocol": protocol}
        return self._ask("per_example", arguments, values_from)

    def influences(self, use: Use, folder: Path, protocol: Mapping[str, Any]) -> Influences | Fault | None:
        arguments = {"use": use.to_json(), "folder": str(folder.resolve()), "protocol": protocol}
        return self._ask("influences", arguments, influences_from)

    def loaded(self) -> Mapping[str, str]:
        return {} if self._process is None else self._process.loaded

    def start(self) -> None:
        """Start the process, if it is not there; it imports plugins while this one goes on."""
        if self._process is None and self._never_started is None:
            self._process = _Process.start(self._plugin_folders, self._is_stopping)

    def close(self) -> None:
        """End the process and all that it has started; closing twice is fine."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def _ask_hook(self, call: str, arguments: Mapping[str, Any], read: Callable[[Any], T]) -> T | Fault:
        return self._ask(call, arguments, read, min(self._timeout, HOOK_LIMIT_SECONDS))

    def _ask(
        self, call: str, arguments: Mapping[str, Any], read: Callable[[Any], T], timeout: float | None = None
    ) -> T | Fault:
        """Return the answer to a call, or a fault that says what the process died of."""
        self.start()
        if self._process is None:
            assert self._never_started is not None
            return self._never_started
        self._calls += 1
        try:
            message = {"number": self._calls, "call": call, "arguments": arguments}
            answer = self._exchange(self._process, message, timeout or self._timeout)
            self._process.loaded |= {str(path): str(source) for path, source in answer["loaded"].items()}
            return fault_of(answer["fault"]) if "fault" in answer else read(answer["value"])
        except _Died as death:
            self.close()
            return death.fault
        except (HarnessError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
            # Anything in that process may write into the channel.
            self.close()
            return Fault(Status.CRASHED, "its worker sent something else than an answer", "")
        except BaseException:  # Raised again: the user interrupts in the middle of an answer.
            self.close()
            raise

    def _exchange(self, process: _Process, message: Mapping[str, Any], timeout: float) -> Mapping[str, Any]:
        if not process.is_ready:
            try:
                process.receive(time.monotonic() + _START_LIMIT_SECONDS, "its worker never started")
            except _Died as death:
                reason = f"the worker of the metrics could not start: {death.fault.reason}"
                self._never_started = Fault(Status.FAILED, reason, "")
                raise _Died(self._never_started) from None
            process.is_ready = True
        until, late = time.monotonic() + timeout, f"took longer than {timeout:g} s"
        process.send(json.dumps(message).encode() + b"\n", until, late)
        while (answer := process.receive(until, late)).get("number") != message["number"]:
            pass
        return answer


def _rows(raw: Any) -> list[Row]:
    return [Row.from_json(row) for row in raw]


class _Died(Exception):
    """The process is dead, or as good as dead."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


@dataclass
class _Process:
    """The process and the channel to it."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    token: str
    memory_kills: int
    is_stopping: Callable[[], bool]
    is_ready: bool = False
    buffer: bytes = b""
    loaded: dict[str, str] = field(default_factory=dict)

    @classmethod
    def start(cls, plugin_folders: Sequence[str], is_stopping: Callable[[], bool]) -> _Process:
        adopt_orphans()
        token = secrets.token_hex(8)
        ours, theirs = socket.socketpair()
        call = f"main({theirs.fileno()}, {list(plugin_folders)!r})"
        code = f"import sys; sys.path[:] = {sys.path!r}; from harness.scoring_process.worker import main; {call}"
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None if _is_open(2) else subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # A session of its own: Ctrl-C is for this process.
                start_new_session=True,
                env=marked(os.environ, token),
            )
        ours.settimeout(_POLL_SECONDS)
        return cls(process, ours, token, memory_kills(), is_stopping)

    def send(self, data: bytes, until: float, late: str) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self.channel.send(view) :]
            except TimeoutError:
                self._check(until, late)
            except OSError:
                self._raise_death()

    def receive(self, until: float, late: str) -> Mapping[str, Any]:
        """Return the next message. Raises `_Died`, or ValueError or TypeError for what is none."""
        while b"\n" not in self.buffer:
            try:
                data = self.channel.recv(_BLOCK_BYTES)
            except TimeoutError:
                self._check(until, late)
                continue
            except OSError:
                data = b""
            if not data:
                self._raise_death()
            self.buffer += data
            if len(self.buffer) > _MAX_ANSWER_BYTES:
                raise ValueError("too long")
        line, _, self.buffer = self.buffer.partition(b"\n")
        message = json.loads(line)
        if not isinstance(message, Mapping):
            raise TypeError("no object")
        return message

    def _check(self, until: float, late: str) -> None:
        """Raise `_Died` if the process has ended, also where another one holds the channel open, or is late.

        Raises KeyboardInterrupt if the user wants to stop.
        """
        if self.is_stopping():
            raise KeyboardInterrupt
        if self.process.poll() is not None:
            self._raise_death()
        if time.monotonic() >= until:
            raise _Died(Fault(Status.TIMEOUT, late, ""))

    def _raise_death(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_POLL_SECONDS)
        code = self.process.poll()
        if code is None:
            raise _Died(Fault(Status.CRASHED, "its worker closed the channel", ""))
        status, reason = status_of_exit(code, memory_ran_out=memory_kills() > self.memory_kills)
        raise _Died(Fault(status, reason, ""))

    def end(self) -> None:
        below = descendants(self.process.pid)
        signal_group(self.process.pid, signal.SIGKILL)
        kill_all(below)
        self.process.wait()
        end_adopted(self.token)
        self.channel.close()


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
