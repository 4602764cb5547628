"""A real worker process: it serves job after job, and what a cell does stays with the cell."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from execution.asking import asking
from execution.asking import use as use_of_asking
from execution.cells import PLUGINS, cell, use
from harness.contract.cells import Cell, Use
from harness.execution.worker import Setup, _Messages, _run_jobs, job_message, main
from processes import has_ended


class Worker:
    """A worker and the two pipes to it, as a coordinator has them."""

    def __init__(self, store: Path) -> None:
        reading, writing = os.pipe()
        code = f"import sys; sys.path[:] = {sys.path!r}; from {main.__module__} import main; main({writing})"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[writing],
            start_new_session=True,
        )
        os.close(writing)
        self.messages = os.fdopen(reading)
        setup = {"plugin_folders": [str(PLUGINS)], "store": str(store), "device": "cpu", "threads": 1}
        self.tell(setup)

    def tell(self, message: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        # A worker that hangs is killed, so that the pipe ends and the test fails.
        timer = threading.Timer(60, self.process.kill)
        timer.start()
        line = self.messages.readline()
        timer.cancel()
        assert line, "the worker said no more"
        message: dict[str, Any] = json.loads(line)
        return message

    def run(self, cell: Cell, folder: Path, batch_size: int = 4) -> list[dict[str, Any]]:
        """All that is said of a job, from its start to its end."""
        folder.mkdir()
        self.tell(job_message(cell, folder, batch_size))
        said = [self.hear()]
        while said[-1]["kind"] not in ("ended", "fatal"):
            said.append(self.hear())
        return said

    def close(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = self.process.wait(20)
        self.messages.close()
        return code


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One for all tests here, since it takes seconds to start."""
    started = Worker(tmp_path_factory.mktemp("results") / "store")
    assert started.hear() == {"kind": "ready"}
    yield started
    assert started.close() == 0


def test_a_job_from_its_start_to_its_end(worker: Worker, tmp_path: Path) -> None:
    started, progress, ended = worker.run(cell("fine", n=2), tmp_path / "a")
    assert started == {"kind": "started"}
    assert progress == {"kind": "progress", "what": "", "done": 1, "total": 2}
    assert (ended["result"]["status"], ended["result"]["n"], ended["left_behind"]) == ("ok", 2, 0)
    assert (ended["result"]["device"], ended["result"]["batch_size"]) == ("cpu", 4)
    assert pq.read_table(tmp_path / "a" / "records.parquet").column("id").to_pylist() == ["test-0", "test-1"]


def test_a_failure_is_a_result_and_the_next_job_runs(worker: Worker, tmp_path: Path) -> None:
    failed = worker.run(cell("raise"), tmp_path / "a")[-1]["result"]
    assert (failed["status"], failed["reason"]) == ("failed", "ValueError: a bug of the plugin")
    assert "Traceback" in failed["traceback"]
    assert worker.run(cell("fine"), tmp_path / "b")[-1]["result"]["status"] == "ok"


def test_the_process_and_what_it_has_built_stay_warm(worker: Worker, tmp_path: Path) -> None:
    fitted = use("model", "fitted", to="train", trained_on=use("dataset", "numbers", n=2))
    first = worker.run(cell("process", model=fitted), tmp_path / "a")
    second = worker.run(cell("process", model=fitted, n=3), tmp_path / "b")
    pids = [pq.read_table(tmp_path / name / "records.parquet").column("pid").to_pylist()[0] for name in "ab"]
    assert pids == [worker.process.pid] * 2
    assert {"kind": "progress", "what": "training fitted", "done": 1, "total": 1} in first
    assert not any(message.get("what") for message in second)


def test_a_worker_says_when_it_is_fit_for_no_other_job(worker: Worker, tmp_path: Path) -> None:
    model, attack = use_of_asking("model", "plain"), Use("attack", "leaving/leaving", "leaving", 1, {"how": "relu"})
    assert worker.run(asking(model), tmp_path / "a")[-1]["spoilt"] is False
    ended = worker.run(asking(model, attack=attack), tmp_path / "b")[-1]
    assert (ended["result"]["status"], ended["spoilt"]) == ("invalid", True)


def test_a_process_that_a_cell_leaves_behind_is_killed_and_counted(worker: Worker, tmp_path: Path) -> None:
    assert worker.run(cell("child"), tmp_path / "a")[-1]["left_behind"] == 1
    (pid, *_) = pq.read_table(tmp_path / "a" / "records.parquet").column("pid").to_pylist()
    assert has_ended(pid)
    assert Path(f"/proc/{pid}").exists(), "nobody has waited for it: it stays a zombie of this worker"


def test_a_cell_cannot_eat_jobs_from_the_input(worker: Worker, tmp_path: Path) -> None:
    assert worker.run(cell("stdin"), tmp_path / "a")[-1]["result"]["status"] == "ok"
    assert pq.read_table(tmp_path / "a" / "records.parquet").column("read").to_pylist() == [""] * 4


def test_what_cells_print_has_come_out_when_their_end_is_told(worker: Worker, tmp_path: Path) -> None:
    assert worker.process.stdout is not None
    os.set_blocking(worker.process.stdout.fileno(), False)
    worker.process.stdout.read()
    worker.run(cell("loud"), tmp_path / "a")
    assert worker.process.stdout.read() == b"acting: loud\n"


def test_records_that_cannot_be_written_end_the_worker(tmp_path: Path) -> None:
    """Where they should go there is a folder; jobs after it are not begun."""
    (tmp_path / "records.parquet").mkdir()
    jobs = "".join(json.dumps(job_message(cell("doubt"), tmp_path, 4)) + "\n" for _ in range(2))
    stream = io.StringIO()
    _run_jobs(
        Setup((str(PLUGINS),), str(tmp_path / "results" / "store"), "cpu", 1), io.StringIO(jobs), _Messages(stream)
    )
    said = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [message["kind"] for message in said] == ["ready", "started", "progress", "fatal"]
    assert "cannot be written" in said[-1]["message"]


def test_messages_are_lines_of_json_and_progress_is_sent_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 100.05, 100.11, 100.12, 100.13])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    stream = io.StringIO()
    messages = _Messages(stream)
    for done in (1, 2, 3, 4, 5):
        messages.progress("training", done, 5)
    said = [json.loads(line) for line in stream.getvalue().splitlines()]
    # The second and the fourth come too soon; the last is always sent.
    assert [message["done"] for message in said] == [1, 3, 5]
    assert said[0] == {"kind": "progress", "what": "training", "done": 1, "total": 5}


def test_a_job_survives_its_message(tmp_path: Path) -> None:
    made = cell("x", seed=3, model=use("model", "fitted", trained_on=use("dataset", "numbers", n=2)))
    message = json.loads(json.dumps(job_message(made, tmp_path, 7)))
    assert Cell.from_json(message["cell"]) == made
    assert (message["folder"], message["batch_size"]) == (str(tmp_path), 7)
