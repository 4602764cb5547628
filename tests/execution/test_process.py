"""The coordinator's side of worker processes: what each end of one means, and what is ended with it.

The workers are real processes, but run `silent_worker`, which imports nothing heavy; what the real one does is tested
beside it, and both together in tests/torture.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from execution import silent_worker
from execution.cells import cell, use
from harness.contract.errors import HarnessError, StoreError
from harness.contract.rows import Status
from harness.execution import process, worker
from harness.execution.executor import Ended, Job
from harness.execution.process import ProcessExecutor, setups_for
from harness.execution.worker import Setup
from harness.store.cell_result import CellResult
from processes import has_ended

Told = list[tuple[Any, str, int, int]]


@pytest.fixture(scope="module", autouse=True)
def _silent_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The silent worker under the name of the real one, first on the path that workers get."""
    root = tmp_path_factory.mktemp("silent")
    *packages, module = worker.__name__.split(".")
    folder = root.joinpath(*packages)
    folder.mkdir(parents=True)
    for depth in range(len(packages)):
        (root.joinpath(*packages[: depth + 1]) / "__init__.py").touch()
    shutil.copy(silent_worker.__file__, folder / f"{module}.py")
    sys.path.insert(0, str(root))
    yield
    sys.path.remove(str(root))


@pytest.fixture
def make() -> Iterator[Callable[..., ProcessExecutor]]:
    """Executors that are closed at the end."""
    made = []

    def call(slots: int = 1, device: str = "cpu", timeout: float | None = None, each: int = 100) -> ProcessExecutor:
        executor = ProcessExecutor(
            [Setup((), "store", device, 1)] * slots,
            timeout=timeout,
            cells_per_worker=each,
        )
        made.append(executor)
        return executor

    yield call
    for executor in made:
        executor.close()


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Job]:
    """A job in a folder that says what the silent worker shall do."""
    count = 0

    def call(what: str, **parts: Any) -> Job:
        nonlocal count
        count += 1
        folder = tmp_path / f"{what}-{count}"
        folder.mkdir()
        return Job(cell(what, **parts), folder, 16)

    return call


def run(executor: ProcessExecutor, job: Job, told: Told | None = None) -> CellResult:
    executor.submit(job)
    ended = end_of_any(executor, told)
    assert ended.job is job
    return ended.result


def end_of_any(executor: ProcessExecutor, told: Told | None = None) -> Ended:
    """The next end of a job, after noting what was told of any before."""
    while not isinstance(news := executor.next(30), Ended):
        assert news is not None
        if told is not None:
            told.append((news.job.cell.task.parameters["how"], news.what, news.done, news.total))
    return news


# --- what the end of a worker means ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "status", "reason"),
    [
        ("kill", Status.LOST, "its worker was killed from outside; was the machine out of memory?"),
        ("segfault", Status.CRASHED, "its worker crashed: SIGSEGV"),
        ("terminate", Status.CRASHED, "its worker crashed: SIGTERM"),
        ("exit", Status.CRASHED, "its worker exited with code 3 without a result"),
    ],
)
def test_a_worker_that_ends_without_a_result(
    make: Callable[..., ProcessExecutor], job: Callable[..., Job], what: str, status: Status, reason: str
) -> None:
    """Only what was killed from outside is lost, and may be tried three times; a crash is the cell's own."""
    executor = make()
    bad = job(what)
    result = run(executor, bad)
    assert (result.status, result.reason) == (status, reason)
    assert (result.device, result.batch_size) == ("cpu", 16)
    assert result.started
    # What it had half written is gone, its log is not.
    assert [path.name for path in bad.folder.iterdir()] == ["log.txt"]
    assert run(executor, job("ok")).status is Status.OK


def test_a_worker_killed_by_somebody_else_is_lost(
    make: Callable[..., ProcessExecutor], job: Callable[..., Job]
) -> None:
    executor = make()
    pid = run(executor, job("ok")).n
    assert pid
    executor.submit(job("hang"))
    assert executor.next(0.2) is None
    os.kill(pid, signal.SIGKILL)
    assert end_of_any(executor).result.status is Status.LOST


def test_a_result_sent_before_the_end_counts(make: Callable[..., ProcessExecutor], job: Callable[..., Job]) -> None:
    executor = make()
    first = run(executor, job("last"))
    assert first.status is Status.OK
    assert first.n
    assert has_ended(first.n)
    assert executor.next(0.2) is None
    assert run(executor, job("ok")).n != first.n


def test_an_idle_worker_that_dies_costs_nothing(make: Callable[..., ProcessExecutor], job: Callable[..., Job]) -> None:
    executor = make()
    pid = run(executor, job("ok")).n
    assert pid
    os.kill(pid, signal.SIGKILL)
    assert has_ended(pid)
    assert executor.next(0.2) is None
    assert run(executor, job("ok")).n != pid


# --- which workers are kept -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["ok", "suspect", "invalid", "failed", "skipped", "oom"])
def test_a_worker_is_kept_unless_its_memory_ran_out(
    make: Callable[..., ProcessExecutor], job: Callable[..., Job], status: str
) -> None:
    executor = make()
    first, second = run(executor, job(status)), run(executor, job("ok"))
    assert first.status is Status(status)
    assert (first.n == second.n) == (status != "oom")
    assert first.n
    is_kept = status != "oom"
    assert has_ended(first.n, within=0 if is_kept else 30) != is_kept


@pytest.mark.parametrize(("each", "processes"), [(1, 3), (2, 2)])
def test_a_worker_is_replaced_after_so_many_cells(
    make: Callable[..., ProcessExecutor], job: Callable[..., Job], each: int, processes: int
) -> None:
    executor = make(each=each)
    assert len({run(executor, job("ok")).n for _ in range(3)}) == processes


def test_a_worker_that_says_it_is_spoilt_is_replaced(
    make: Callable[..., ProcessExecutor], job: Callable[..., Job]
) -> None:
    executor = make()
    spoilt = run(executor, job("spoilt"))
    assert spoilt.status is Status.OK
    assert run(executor, job("ok")).n != spoilt.n


def test_a_worker_whose_cell_left_processes_behind_is_replaced_and_says_so(
    make: Callable[..., ProcessExecutor], job: Callable[..., Job]
) -> None:
    executor = make()
    bad = job("left")
    first = run(executor, bad)
    assert first.status is Status.OK
    assert "2 processes that the cell had left behind were killed" in (bad.folder / "log.txt").read_text()
    assert run(executor, job("ok")).n != first.n


def test_what_a_worker_has_started_ends_with_it(make: Callable[..., ProcessExecutor], job: Callable[..., Job]) -> None:
    bad = job("orphan")
    run(make(), bad)
    assert has_ended(int((bad.folder / "pid").read_text()))


def test_a_job_goes_to_the_worker_that_has_its_model(
    make: Callable[..., ProcessExecutor], job: Callable[..., Job]
) -> None:
    executor = make(slots=2)
    one, other = use("model", "drawn"), use("model", "drawn", facts="x")
    both = [job("ok", model=one), job("ok", model=other)]
    for each in both:
        executor.submit(each)
    pids = {}
    for _ in both:
        ended = end_of_any(executor)
        pids[ended.job.cell.id] = ended.result.n
    assert len(set(pids.values())) == 2
    for model, first in ((other, both[1]), (one, both[0])):
        assert run(executor, job("ok", model=model)).n == pids[first.cell.id]


def test_a_warm_worker_is_preferred_to_a_new_one(make: Callable[..., ProcessExecutor], job: Callable[..., Job]) -> None:
    executor = make(slots=2)
    assert len({run(executor, job("ok", model=use("model", "drawn", facts=str(i)))).n for i in range(3)}) == 1


# --- time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "reason"), [("hang", "took longer than 0.3 s"), ("ignore", "took longer than 0.3 s; it ignored TERM")]
)
def test_a_cell_that_takes_too_long_is_ended(
    make: Callable[..., ProcessExecutor],
    job: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    reason: str,
) -> None:
    monkeypatch.setattr(process, "_KILL_AFTER_SECONDS", 0.2)
    executor = make(timeout=0.3)
    result = run(executor, job(what))
    assert (result.status, result.reason) == (Status.TIMEOUT, reason)
    assert run(executor, job("ok")).status is Status.OK


def test_waiting_for_others_does_not_count(make: Callable[..., ProcessExecutor], job: Callable[..., Job]) -> None:
    told: Told = []
    assert run(make(timeout=1.0), job("wait"), told).status is Status.OK
    assert told == [("wait", "waiting for another", 0, 0)] * 12


def test_a_worker_that_never_starts_is_ended(
    make: Callable[..., ProcessExecutor], job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_START_LIMIT_SECONDS", 0.2)
    result = run(make(device="slow"), job("ok"))
    assert (result.status, result.reason) == (Status.TIMEOUT, "its worker never started")


def test_next_gives_up_after_its_own_time(make: Callable[..., ProcessExecutor], job: Callable[..., Job]) -> None:
    executor = make()
    executor.submit(job("hang"))
    began = time.monotonic()
    assert executor.next(0.3) is None
    assert 0.3 <= time.monotonic() - began < 3


# --- what workers say -----------------------------------------------------------------------------------------


def test_progress_output_and_traceback_arrive(make: Callable[..., ProcessExecutor], job: Callable[..., Job]) -> None:
    executor, told = make(), Told()
    run(executor, job("progress"), told)
    assert told == [("progress", "", 1, 2)]
    loud, silent = job("print"), job("ok")
    run(executor, loud)
    run(executor, silent)
    assert (loud.folder / "log.txt").read_text() == "printed\nand raised"
    assert (silent.folder / "log.txt").read_text() == ""


@pytest.mark.parametrize("what", ["garbage", "number", "odd_progress", "odd_result", "odd_cost"])
def test_what_is_no_message_costs_its_cell_only(
    what: str, make: Callable[..., ProcessExecutor], job: Callable[..., Job]
) -> None:
    executor = make()
    result = run(executor, job(what))
    assert (result.status, result.reason) == (Status.CRASHED, "its worker sent no message")
    assert run(executor, job("ok")).status is Status.OK


def test_a_second_result_of_a_cell_is_none_of_the_next(
    make: Callable[..., ProcessExecutor], job: Callable[..., Job]
) -> None:
    executor = make()
    assert run(executor, job("twice")).status is Status.OK
    assert executor.next(0.5) is None


@pytest.mark.parametrize("what", ["gone", "log_folder"])
def test_a_cell_may_spoil_its_folder(what: str, make: Callable[..., ProcessExecutor], job: Callable[..., Job]) -> None:
    spoilt = job(what)
    run(make(), spoilt)
    assert (spoilt.folder / "log.txt").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a subreaper")
def test_what_a_crashed_worker_had_started_is_ended(
    make: Callable[..., ProcessExecutor], job: Callable[..., Job]
) -> None:
    bystander = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    crashed = job("orphan_crash")
    pids = []
    rmtree = shutil.rmtree

    def keep_pid(folder: Path, **how: Any) -> None:
        pids.append(int((folder / "pid").read_text()))
        rmtree(folder, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.files.shutil.rmtree", keep_pid)
        assert run(make(), crashed).status is Status.CRASHED
    assert has_ended(pids[0])
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_cell_that_cannot_write_its_files_is_invalid_where_others_can(
    make: Callable[..., ProcessExecutor], job: Callable[..., Job]
) -> None:
    executor = make()
    result = run(executor, job("fatal"))
    assert result.status is Status.INVALID
    assert result.reason == "it could not write its files: the disk is full"
    assert run(executor, job("ok")).status is Status.OK


def test_a_store_that_cannot_be_written_ends_the_run(
    make: Callable[..., ProcessExecutor], job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.execution.process.can_write", lambda _: False)
    executor = make()
    executor.submit(job("fatal"))
    with pytest.raises(StoreError, match="the disk is full"):
        executor.next(30)


def test_a_worker_that_cannot_start_ends_the_run(make: Callable[..., ProcessExecutor], job: Callable[..., Job]) -> None:
    executor = make(device="broken")
    executor.submit(job("ok"))
    with pytest.raises(HarnessError, match=r"a worker could not start:\nno such device"):
        executor.next(30)


# --- the end --------------------------------------------------------------------------------------------------


def test_closing_ends_idle_and_busy_workers_and_may_be_done_twice(
    make: Callable[..., ProcessExecutor], job: Callable[..., Job]
) -> None:
    executor = make(slots=2)
    busy = job("orphan")
    executor.submit(job("hang"))
    idle = run(executor, job("ok")).n
    assert executor.capacity() == 1
    assert not executor.in_this_process
    workers = [each.process.pid for each in executor._workers if each is not None]
    assert idle in workers
    assert len(workers) == 2
    began = time.monotonic()
    executor.close()
    executor.close()
    assert time.monotonic() - began < 2
    assert has_ended(*workers)
    assert executor._guardian.returncode == 0
    assert busy.folder.is_dir()


def test_one_setup_for_each_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = setups_for(["cuda:0", "cpu"], 3, Path("results/store"), [Path("plugins")])
    store, plugins = str(tmp_path / "results" / "store"), (str(tmp_path / "plugins"),)
    assert found == [Setup(plugins, store, "cuda:0", 3), Setup(plugins, store, "cpu", 3)]
