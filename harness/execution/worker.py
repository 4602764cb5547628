"""A worker process: runs the jobs it is given, one after another, and keeps what it has built.

It reads jobs from its input and writes messages to a pipe of its own, one JSON object per line each way; no object of a
plugin is ever pickled. What plugins print goes to the worker's output, which the coordinator collects.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from harness.contract.cells import Cell
from harness.contract.errors import StoreError
from harness.execution.process_tree import adopt_orphans, descendants, die_with_parent, kill_all
from harness.loaded_code import record_imports

_PROGRESS_SECONDS = 0.1


@dataclass(frozen=True)
class Setup:
    """The settings of a worker.

    Attributes:
        plugin_folders: as `--plugins-dir`.
        store: the folder of the store.
        device: where it computes.
        threads: torch threads on the CPU.
        remote: the URL of a second level of the store; empty for none.
    """

    plugin_folders: tuple[str, ...]
    store: str
    device: str
    threads: int
    remote: str = ""


class _Messages:
    """Messages to the coordinator, also from threads that a plugin started."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._lock = stream, threading.Lock()
        self._last = 0.0

    def send(self, kind: str, **content: Any) -> None:
        text = json.dumps({"kind": kind, **content})
        with self._lock:
            self._stream.write(text + "\n")
            self._stream.flush()

    def progress(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done >= total or now - self._last >= _PROGRESS_SECONDS:
            self._last = now
            self.send("progress", what=what, done=done, total=total)


def main(descriptor: int) -> None:
    """Run jobs until the input ends.

    Args:
        descriptor: the descriptor of the pipe for messages.
    """
    # First, so that few modules are imported unseen; these are read anew within milliseconds.
    record_imports()
    # Before the imports of `_run_jobs`, which take seconds in which the coordinator may die.
    die_with_parent()
    adopt_orphans()
    # Processes that a plugin starts must not write messages, nor keep the pipe open after the worker has ended.
    os.set_inheritable(descriptor, False)
    messages = _Messages(os.fdopen(descriptor, "w", encoding="utf-8"))
    jobs = os.fdopen(os.dup(0), encoding="utf-8")
    # A plugin that reads its standard input, or starts a process that does, must not take the jobs that lie there.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    raw = json.loads(jobs.readline())
    _run_jobs(Setup(**{**raw, "plugin_folders": tuple(raw["plugin_folders"])}), jobs, messages)


def _run_jobs(setup: Setup, jobs: TextIO, messages: _Messages) -> None:
    # Imported here: the coordinator imports `Setup` from this file and has no need of torch.
    from harness.execution.build import Builder
    from harness.execution.cell import execute, import_torch_for
    from harness.execution.precision import pin_numerics
    from harness.instruments.late_pandas import keep_pandas_out
    from harness.plugins import load_catalog
    from harness.store.layered import worker_store
    from harness.store.open import cached_signatures

    pin_numerics(setup.threads)
    keep_pandas_out()
    catalog = load_catalog([Path(folder) for folder in setup.plugin_folders])
    store = worker_store(Path(setup.store), setup.remote, lambda text: print(f"warning: {text}", file=sys.stderr))
    signatures = cached_signatures(store.root.parent, catalog)
    builder = Builder(catalog, store, setup.device, 1, messages.progress)
    messages.send("ready")
    for line in jobs:
        job = json.loads(line)
        cell = Cell.from_json(job["cell"])
        import_torch_for(cell)
        messages.send("started")
        builder.batch_size = job["batch_size"]
        try:
            result = execute(cell, Path(job["folder"]), builder, signatures, key=job["key"])
        except StoreError as error:
            messages.send("fatal", message=str(error))
            return
        # Before the message: the coordinator closes the log of the cell when it reads that the cell has ended.
        sys.stdout.flush()
        sys.stderr.flush()
        left = descendants(os.getpid())
        kill_all(left)
        spoilt = builder.process.is_spoilt
        messages.send("ended", result=asdict(result), left_behind=len(left), spoilt=spoilt)


def job_message(cell: Cell, folder: Path, batch_size: int, key: str = "") -> Mapping[str, Any]:
    """Return a job as the JSON object that a worker reads."""
    return {"cell": cell.to_json(), "folder": str(folder), "batch_size": batch_size, "key": key}
