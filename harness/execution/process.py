"""Runs cells in worker processes, one per slot, kept from cell to cell and replaced when something went wrong.

Each worker leads a session of its own. A cell that hangs is ended by TERM and then KILL of its process group; a worker
that dies takes one cell with it; whatever it had started is ended too; and if this process dies, a guardian ends all.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.contract.errors import HarnessError, InvalidOutput, StoreError
from harness.contract.rows import Status
from harness.execution import guardian as guardian_module
from harness.execution.bounded_log import BoundedLog
from harness.execution.devices import seen_by_worker
from harness.execution.executor import Ended, Job, Working
from harness.execution.exits import not_written, status_of_exit
from harness.execution.memory_kills import memory_kills
from harness.execution.process_tree import adopt_orphans, descendants, end_adopted, kill_all, marked, signal_group
from harness.execution.worker import Setup, job_message
from harness.files import can_write, empty, make_way
from harness.store.cell_result import CellResult
from harness.store.locks import WAITING
from harness.store.run_folder import LOG

_KILL_AFTER_SECONDS = 2.0
"""Seconds between TERM and KILL."""
_START_LIMIT_SECONDS = 300.0
"""Seconds a worker may take to import what it needs."""
_POLL_SECONDS = 0.1
"""Seconds between two checks of the workers."""
# A worker that ran out of memory, say, may be left with half of it taken.
_KEEPS_ITS_WORKER = (Status.OK, Status.SUSPECT, Status.INVALID, Status.FAILED, Status.SKIPPED)
_BLOCK_BYTES = 1 << 16
_MAX_MESSAGE_BYTES = 1 << 28


@dataclass
class _Worker:
    """A worker process and what it is doing."""

    process: subprocess.Popen[bytes]
    messages: int
    token: str
    log: BoundedLog = field(default_factory=BoundedLog)
    buffer: bytes = b""
    is_ready: bool = False
    job: Job | None = None
    n_jobs: int = 0
    model: str = ""
    environment: str = ""
    deadline: float = 0.0
    kill_at: float | None = None
    ended_for: str = ""
    started: str = ""


class ProcessExecutor:
    """Runs cells in worker processes.

    Args:
        setups: one for each slot.
        timeout: seconds that a cell may take, with the training it needs; None for no limit.
        cells_per_worker: number of cells after which a worker is replaced; 1 gives every cell a fresh process.
        pythons: the interpreters of other environments that cells may name.
    """

    in_this_process = False
    trouble = ""
    has_failed = False

    def __init__(
        self,
        setups: Sequence[Setup],
        *,
        timeout: float | None,
        cells_per_worker: int,
        pythons: Mapping[str, str] | None = None,
    ) -> None:
        self._pythons = dict(pythons or {})
        self._setups, self._timeout, self._cells_per_worker = setups, timeout, cells_per_worker
        self._workers: list[_Worker | None] = [None] * len(setups)
        self._selector = selectors.DefaultSelector()
        self._news: deque[Ended | Working] = deque()
        self._is_closed = False
        self._memory_kills = memory_kills()
        adopt_orphans()
        # It reads the workers' numbers from a pipe that ends when this process dies, however it dies.
        self._guardian = subprocess.Popen(
            [sys.executable, "-E", "-S", guardian_module.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def capacity(self) -> int:
        """Return how many workers are idle."""
        return sum(worker is None or worker.job is None for worker in self._workers)

    def submit(self, job: Job) -> None:
        """Give the job to an idle worker, to one that has its model at hand if there is one."""
        model = job.cell.components.get("model")
        wanted = model.identity_digest if model else ""
        idle = [slot for slot, worker in enumerate(self._workers) if worker is None or worker.job is None]
        environment = job.cell.environment
        slot = max(idle, key=lambda slot: self._affinity(slot, wanted, environment))
        if (idle_worker := self._workers[slot]) is not None and idle_worker.environment != environment:
            self._remove(slot)
        worker = self._workers[slot] or self._start(slot, environment)
        worker.job, worker.model, worker.log = job, wanted, BoundedLog()
        worker.started = datetime.now(UTC).isoformat(timespec="seconds")
        worker.deadline = time.monotonic() + _START_LIMIT_SECONDS if not worker.is_ready else self._new_deadline()
        text = json.dumps(job_message(job.cell, job.folder, job.batch_size, job.key))
        self._send(worker, text)

    def _affinity(self, slot: int, model: str, environment: str) -> int:
        """Return how much a slot saves a cell: 2 if its worker has the model at hand, 1 if it has started, 0 if not.

        A worker of another environment has to be ended first.
        """
        worker = self._workers[slot]
        if worker is not None and worker.environment != environment:
            return -1
        return 0 if worker is None else 2 if worker.model == model else 1

    def next(self, timeout: float | None = None) -> Ended | Working | None:
        """Wait for a job to end or to tell how far it is.

        Raises:
            StoreError: a worker could not write.
            HarnessError: a worker could not start.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while not self._news:
            for key, _ in self._selector.select(_POLL_SECONDS):
                slot, what = key.data
                self._read(slot, what)
            for slot in range(len(self._workers)):
                self._check_worker(slot)
            if until is not None and time.monotonic() >= until and not self._news:
                return None
        return self._news.popleft()

    def cancel(self, job: Job) -> None:
        """End the worker of a job."""
        for slot, worker in enumerate(self._workers):
            if worker is not None and worker.job is job:
                self._remove(slot)
        self._news = deque(news for news in self._news if news.job is not job)

    def close(self) -> None:
        """End all workers and the guardian; closing twice is fine."""
        if self._is_closed:
            return
        self._is_closed = True
        living = [worker for worker in self._workers if worker is not None]
        for worker in living:
            signal_group(worker.process.pid, signal.SIGTERM if worker.job else signal.SIGKILL)
        until = time.monotonic() + _KILL_AFTER_SECONDS
        for worker in living:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(max(0.0, until - time.monotonic()))
        for slot in range(len(self._workers)):
            self._remove(slot)
        assert self._guardian.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._guardian.stdin.close()
        self._guardian.wait()
        self._selector.close()

    def _start(self, slot: int, environment: str) -> _Worker:
        # Messages have a pipe of their own, since plugins print to the standard streams.
        reading, writing = os.pipe()
        setup = self._setups[slot]
        device, variables = seen_by_worker(setup.device, setup.threads, os.environ)
        token = secrets.token_hex(8)
        code = f"from harness.execution.worker import main; main({writing})"
        # Another environment has a path of its own.
        here = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"]
        process = subprocess.Popen(
            [self._pythons[environment], "-P", "-c", code] if environment else here,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[writing],
            # A session of its own: a signal reaches what the cell has started too, and Ctrl-C only this process.
            start_new_session=True,
            env=marked(variables, token),
        )
        # While this process kept it open, the pipe would never end.
        os.close(writing)
        worker = _Worker(process, reading, token, environment=environment)
        self._workers[slot] = worker
        self._tell_guardian(f"+{process.pid}")
        for descriptor, what in ((reading, "messages"), (self._output(worker), "output")):
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ, (slot, what))
        self._send(worker, json.dumps(asdict(replace(setup, device=device))))
        return worker

    @staticmethod
    def _output(worker: _Worker) -> int:
        assert worker.process.stdout is not None
        return worker.process.stdout.fileno()

    @staticmethod
    def _send(worker: _Worker, line: str) -> None:
        try:
            _write_line(worker.process, line)
        except BrokenPipeError:
            worker.log.write("the worker had ended\n")

    def _tell_guardian(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            _write_line(self._guardian, line)

    def _read(self, slot: int, what: str) -> None:
        """Read the messages or the output of a worker."""
        worker = self._workers[slot]
        if worker is None:
            return
        descriptor = worker.messages if what == "messages" else self._output(worker)
        data = _available(descriptor)
        if data is None:
            self._selector.unregister(descriptor)
        elif what == "output":
            worker.log.write(data)
        else:
            self._take_messages(slot, worker, data)

    def _take_messages(self, slot: int, worker: _Worker, data: bytes) -> None:
        # A read may end within a message; what is left of it waits for the next read.
        *lines, worker.buffer = (worker.buffer + data).split(b"\n")
        if len(worker.buffer) > _MAX_MESSAGE_BYTES:
            self._take_garbage(slot, worker)
            return
        for line in lines:
            try:
                self._take_message(slot, worker, json.loads(line))
            except (InvalidOutput, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
                self._take_garbage(slot, worker)
            if self._workers[slot] is not worker:
                return

    def _take_garbage(self, slot: int, worker: _Worker) -> None:
        """End a worker whose messages cannot be read: a plugin has written between them."""
        if worker.job is not None:
            self._drain_output(worker)
            self._finish(worker, self._without_records(slot, worker, Status.CRASHED, "its worker sent no message"))
        self._remove(slot)

    def _take_message(self, slot: int, worker: _Worker, message: Mapping[str, Any]) -> None:
        kind = message["kind"]
        if kind == "ready":
            worker.is_ready = True
        elif kind == "started":
            worker.deadline = self._new_deadline()
        elif kind == "progress" and worker.job is not None:
            if message["what"].startswith(WAITING):
                # The cell that trains what this one waits for has a deadline of its own.
                worker.deadline = self._new_deadline()
            how_far = int(message["done"]), int(message["total"])
            self._news.append(Working(worker.job, str(message["what"]), *how_far))
        elif kind == "fatal" and worker.job is not None:
            self._take_fatal(slot, worker, str(message["message"]))
        elif kind == "ended" and worker.job is not None:
            result = CellResult.from_json({**message["result"], "device": self._setups[slot].device})
            self._take_result(slot, worker, result, int(message["left_behind"]), spoilt=bool(message["spoilt"]))

    def _take_fatal(self, slot: int, worker: _Worker, message: str) -> None:
        """Note that a job could not write its files. Raises StoreError if nothing else can be written there either."""
        assert worker.job is not None
        if not can_write(worker.job.folder.parent):
            raise StoreError(message)
        self._drain_output(worker)
        reason = not_written(message)
        self._finish(worker, self._without_records(slot, worker, Status.INVALID, reason))
        self._remove(slot)

    def _without_records(self, slot: int, worker: _Worker, status: Status, reason: str) -> CellResult:
        """Return the result of a job that left nothing of use, after removing what it left."""
        assert worker.job is not None
        # Records that are half written must not be taken for records.
        empty(worker.job.folder)
        device, batch_size = self._setups[slot].device, worker.job.batch_size
        return CellResult(status, reason, device=device, batch_size=batch_size, started=worker.started)

    def _take_result(self, slot: int, worker: _Worker, result: CellResult, left_behind: int, *, spoilt: bool) -> None:
        """Note the result of a job, and end the worker if it may not run another one, such as one that is spoilt."""
        # Output has a pipe of its own, so what was printed before the result may still lie there.
        self._drain_output(worker)
        if left_behind:
            worker.log.write(f"\n{left_behind} processes that the cell had left behind were killed\n")
        worker.log.write(result.traceback)
        self._finish(worker, result)
        worker.n_jobs += 1
        is_spent = worker.n_jobs >= self._cells_per_worker
        if is_spent or left_behind or spoilt or result.status not in _KEEPS_ITS_WORKER:
            self._remove(slot)

    def _check_worker(self, slot: int) -> None:
        """End a worker that takes too long, and notice one that has ended."""
        worker = self._workers[slot]
        if worker is None:
            return
        now = time.monotonic()
        if worker.process.poll() is not None:
            self._take_exit(slot, worker)
        elif worker.kill_at is not None:
            if now >= worker.kill_at:
                signal_group(worker.process.pid, signal.SIGKILL)
        elif worker.job is not None and now >= worker.deadline:
            is_late = worker.is_ready and self._timeout is not None
            worker.ended_for = f"took longer than {self._timeout:g} s" if is_late else "its worker never started"
            worker.kill_at = now + _KILL_AFTER_SECONDS
            signal_group(worker.process.pid, signal.SIGTERM)

    def _take_exit(self, slot: int, worker: _Worker) -> None:
        """Note that a worker has ended of its own accord, or was ended."""
        # Its last message may have been a result, which then counts.
        while data := _available(worker.messages):
            self._take_messages(slot, worker, data)
            if self._workers[slot] is not worker:
                return
        self._drain_output(worker)
        log = worker.log.content()
        if worker.job is not None:
            kills = memory_kills()
            ran_out, self._memory_kills = kills > self._memory_kills, kills
            status, reason = status_of_exit(worker.process.returncode, worker.ended_for, memory_ran_out=ran_out)
            self._finish(worker, self._without_records(slot, worker, status, reason))
        self._remove(slot)
        if not worker.is_ready and not worker.ended_for and worker.process.returncode >= 0:
            raise HarnessError("a worker could not start:\n" + log.decode("utf-8", "replace").strip()[-2000:])

    def _finish(self, worker: _Worker, result: CellResult) -> None:
        job = worker.job
        assert job is not None
        make_way(job.folder / LOG).write_bytes(worker.log.content())
        worker.job = None
        self._news.append(Ended(job, result))

    def _drain_output(self, worker: _Worker) -> None:
        while data := _available(self._output(worker)):
            worker.log.write(data)

    def _remove(self, slot: int) -> None:
        """End a worker, and all that it has started."""
        worker = self._workers[slot]
        if worker is None:
            return
        self._workers[slot] = None
        # Listed first: once the worker is dead, its children belong to another process and cannot be found.
        below = descendants(worker.process.pid)
        signal_group(worker.process.pid, signal.SIGKILL)
        kill_all(below)
        worker.process.wait()
        end_adopted(worker.token)
        self._tell_guardian(f"-{worker.process.pid}")
        for descriptor in (worker.messages, self._output(worker)):
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)
        os.close(worker.messages)
        for stream in (worker.process.stdin, worker.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def _new_deadline(self) -> float:
        return float("inf") if self._timeout is None else time.monotonic() + self._timeout


def _write_line(process: subprocess.Popen[bytes], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line.encode() + b"\n")
    process.stdin.flush()


def _available(descriptor: int) -> bytes | None:
    """Return what can be read now without waiting; None at the end."""
    try:
        return os.read(descriptor, _BLOCK_BYTES) or None
    except BlockingIOError:
        return b""


def setups_for(
    devices: Sequence[str], threads: int, store: Path, plugin_folders: Sequence[Path], remote: str = ""
) -> list[Setup]:
    """Return one setup for each device."""
    folders = tuple(str(folder.resolve()) for folder in plugin_folders)
    return [Setup(folders, str(store.resolve()), device, threads, remote) for device in devices]
