"""Which cell is handed out when, what is tried again, and what is left when the user interrupts."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.contract.cells import Cell, Use
from harness.contract.rows import Status
from harness.coordinator import schedule
from harness.coordinator.schedule import Schedule
from harness.execution.executor import Ended, Job, Working
from harness.store.cell_result import CellResult
from harness.store.store import Store

OK = CellResult(Status.OK)


def nothing(*_: Any) -> None:
    """For what nobody wants to know here."""


def cell(model: str, attack: int = 0, seed: int = 0) -> Cell:
    def use(kind: Any, name: str, **parameters: Any) -> Use:
        return Use(kind, f"p/{name}", f"{name}{attack}" if kind == "attack" else name, 1, parameters)

    components = {"model": use("model", model), "attack": use("attack", "a", n=attack)}
    return Cell("e", use("task", "t"), components, seed=seed)  # type: ignore[arg-type]


@dataclass
class Scripted:
    """An executor that ends jobs in their order, each as its results say; it does nothing when they are used up."""

    slots: int = 1
    trouble: str = ""
    has_failed: bool = False
    results: dict[str, list[CellResult]] = field(default_factory=dict)
    before_next: Callable[[], None] = lambda: None
    in_this_process: bool = False
    under_way: deque[Job] = field(default_factory=deque)
    submitted: list[tuple[str, int]] = field(default_factory=list)
    most: int = 0
    is_closed: bool = False

    def capacity(self) -> int:
        return self.slots - len(self.under_way)

    def submit(self, job: Job) -> None:
        assert self.capacity() > 0
        assert job.folder.is_dir()
        self.under_way.append(job)
        self.submitted.append((name(job.cell), job.batch_size))
        self.most = max(self.most, len(self.under_way))

    def next(self, timeout: float | None = None) -> Ended | Working | None:
        self.before_next()
        job = self.under_way.popleft()
        script = self.results.get(name(job.cell), [])
        return Ended(job, replace(script.pop(0) if script else OK, batch_size=job.batch_size))

    def cancel(self, job: Job) -> None:
        self.under_way.remove(job)

    def close(self) -> None:
        self.is_closed = True


def name(cell: Cell) -> str:
    model, attack = cell.components["model"], cell.components["attack"]
    assert model is not None
    assert attack is not None
    return f"{model.label}{attack.parameters['n']}" + (f"/{cell.seed}" if cell.seed else "")


@dataclass
class Ran:
    executor: Scripted
    committed: list[tuple[str, CellResult]]
    told: list[str]
    left: list[str]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results" / "store")


@pytest.fixture
def run(store: Store) -> Callable[..., Ran]:
    def call(cells: list[Cell], executor: Scripted, reuse: Callable[[Cell], bool] = lambda cell: False) -> Ran:
        committed: list[tuple[str, CellResult]] = []
        told: list[str] = []

        def commit(job: Job, result: CellResult) -> None:
            assert job.folder.is_dir()
            committed.append((name(job.cell), result))

        keys = {each.id: each.id for each in cells}
        made = Schedule(executor, store, keys, 16, reuse, commit, lambda cell: told.append(name(cell)), nothing)
        left = made.run(cells)
        # Nothing stays claimed or staged, however it went.
        for each in cells:
            claim = store.try_claim("cells", each.id)
            assert claim is not None
            claim.release()
        assert list((store.root / "staging").iterdir()) == []
        return Ran(executor, committed, told, [name(each) for each in left])

    return call


# --- the order ------------------------------------------------------------------------------------------------


def test_cells_run_in_their_order_one_for_each_slot(run: Callable[..., Ran]) -> None:
    done = run([cell("m", i) for i in range(4)], Scripted(slots=1))
    assert done.executor.submitted == [("m0", 16), ("m1", 16), ("m2", 16), ("m3", 16)]
    assert done.told == [each for each, _ in done.committed] == ["m0", "m1", "m2", "m3"]
    assert (done.executor.most, done.left, done.executor.is_closed) == (1, [], False)
    assert run([cell("m", i) for i in range(4)], Scripted(slots=3)).executor.most == 3


def test_a_cell_of_another_model_goes_before_one_whose_model_is_being_trained(run: Callable[..., Ran]) -> None:
    """Two slots: a0 trains its model, so b0 goes before a1, which would only wait for the same weights."""
    done = run([cell("a", 0), cell("a", 1), cell("b", 0), cell("b", 1)], Scripted(slots=2))
    # a0 has ended when the third is chosen, so its model is there and a1 need not wait any more.
    assert [each for each, _ in done.executor.submitted] == ["a0", "b0", "a1", "b1"]


def test_a_model_that_was_trained_before_need_not_be_avoided(run: Callable[..., Ran]) -> None:
    """When b0 ends a1 is running, but a0 has ended, so a2 keeps its turn before b1."""
    done = run([cell("a", 0), cell("b", 0), cell("a", 1), cell("a", 2), cell("b", 1)], Scripted(slots=2))
    assert [each for each, _ in done.executor.submitted] == ["a0", "b0", "a1", "a2", "b1"]


def test_the_same_model_under_another_seed_is_another(run: Callable[..., Ran]) -> None:
    done = run([cell("a", 0), cell("a", 1), cell("a", 0, seed=1)], Scripted(slots=2))
    assert [each for each, _ in done.executor.submitted] == ["a0", "a0/1", "a1"]


def test_no_slot_stays_free_where_there_is_no_choice(run: Callable[..., Ran]) -> None:
    done = run([cell("a", i) for i in range(3)], Scripted(slots=2))
    assert done.executor.most == 2


# --- what others do -------------------------------------------------------------------------------------------


def test_what_the_store_has_meanwhile_is_not_run(run: Callable[..., Ran]) -> None:
    done = run([cell("a", i) for i in range(3)], Scripted(), lambda cell: name(cell) == "a1")
    assert [each for each, _ in done.executor.submitted] == ["a0", "a2"]


def test_a_cell_that_another_run_works_on_is_looked_at_again(
    run: Callable[..., Ran], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [cell("a", i) for i in range(2)]
    held = store.try_claim("cells", cells[0].id)
    assert held is not None
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            held.release()

    monkeypatch.setattr(schedule.time, "sleep", sleep)
    done = run(cells, Scripted(), lambda cell: name(cell) == "a0" and len(slept) == 2)
    assert [each for each, _ in done.executor.submitted] == ["a1"]
    assert slept == [0.5, 0.5]


# --- another attempt ------------------------------------------------------------------------------------------


def test_out_of_memory_is_tried_with_half_the_batch(run: Callable[..., Ran]) -> None:
    memory = CellResult(Status.OOM, "no memory")
    done = run([cell("a")], Scripted(results={"a0": [memory, memory]}))
    assert done.executor.submitted == [("a0", 16), ("a0", 8), ("a0", 4)]
    ((_, result),) = done.committed
    assert (result.status, result.batch_size, result.reason) == (Status.OK, 4, "")
    assert [(attempt["status"], attempt["batch_size"]) for attempt in result.attempts] == [("oom", 16), ("oom", 8)]
    assert done.told == ["a0"]


@pytest.mark.parametrize(("status", "attempts"), [(Status.LOST, 4), (Status.CRASHED, 2), (Status.FAILED, 1)])
def test_a_lost_worker_is_tried_three_times_more_and_a_crash_once(
    run: Callable[..., Ran], status: Status, attempts: int
) -> None:
    done = run([cell("a"), cell("b")], Scripted(results={"a0": [CellResult(status, "gone")] * 9}))
    assert done.executor.submitted == [("a0", 16)] * attempts + [("b0", 16)]
    assert done.committed[0][1].status is status
    assert done.committed[0][1].reason == ("gone" if attempts == 1 else f"gone (attempt {attempts})")


# --- interruptions --------------------------------------------------------------------------------------------


def test_an_interrupt_leaves_what_is_not_done_and_closes_the_executor(run: Callable[..., Ran]) -> None:
    executor = Scripted(slots=2)

    def interrupt() -> None:
        if len(executor.submitted) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    executor.before_next = interrupt
    done = run([cell("a", i) for i in range(5)], executor)
    assert [each for each, _ in done.committed] == ["a0", "a1"]
    assert sorted(done.left) == ["a2", "a3", "a4"]
    assert executor.is_closed


def test_an_error_of_the_executor_lets_go_of_everything(store: Store) -> None:
    executor = Scripted(slots=2)

    def broken() -> None:
        raise RuntimeError("no more workers")

    executor.before_next = broken
    cells = [cell("a", i) for i in range(3)]
    made = Schedule(
        executor, store, {each.id: each.id for each in cells}, 16, lambda c: False, nothing, nothing, nothing
    )
    with pytest.raises(RuntimeError, match="no more workers"):
        made.run(cells)
    assert executor.is_closed
    assert all(store.try_claim("cells", each.id) for each in cells)
    assert list((store.root / "staging").iterdir()) == []


# --- places that come and go ----------------------------------------------------------------------------------


@dataclass
class Unsteady:
    """An executor whose places come and go as drawn: jobs end, are lost, end late or twice, in any order."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    in_this_process: bool = False
    trouble: str = "no node"
    has_failed: bool = False
    slots: int = 1
    under_way: list[Job] = field(default_factory=list)
    cancelled: list[Job] = field(default_factory=list)
    ended: list[Job] = field(default_factory=list)
    time: float = 0.0
    n_turns: int = 0

    def capacity(self) -> int:
        return max(0, self.slots - len(self.under_way))

    def submit(self, job: Job) -> None:
        assert self.capacity() > 0, "a job without a place"
        assert job not in self.under_way
        self.under_way.append(job)

    def next(self, timeout: float | None = None) -> Ended | Working | None:
        self.time += 0.5
        self.n_turns += 1
        # In the end all goes well, so that every drawing comes to an end.
        calm = self.n_turns > 60
        self.slots = 2 if calm else self.draw(st.integers(0, 3))
        what = "done" if calm else self.draw(st.sampled_from(["done", "lost", "late", "again", "told", "nothing"]))
        if what == "late" and self.cancelled:
            return Ended(self.draw(st.sampled_from(self.cancelled)), OK)
        if what == "again" and self.ended:
            return Ended(self.draw(st.sampled_from(self.ended)), OK)
        if what in ("done", "lost", "told") and self.under_way:
            job = self.under_way[0 if calm else self.draw(st.integers(0, len(self.under_way) - 1))]
            if what == "told":
                return Working(job, "", 1, 2)
            self.under_way.remove(job)
            self.ended.append(job)
            return Ended(job, replace(OK if what == "done" else LOST, batch_size=job.batch_size))
        return None

    def cancel(self, job: Job) -> None:
        self.under_way.remove(job)
        self.cancelled.append(job)

    def close(self) -> None:
        self.under_way.clear()


LOST = CellResult(Status.LOST, "its node went away")


@given(data=st.data(), n_cells=st.integers(1, 6), silence=st.sampled_from([2.0, 1e9]))
@settings(max_examples=150, deadline=None)
def test_every_cell_is_committed_once_whatever_places_do(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, n_cells: int, silence: float
) -> None:
    store = Store(tmp_path_factory.mktemp("results") / "store")
    executor, committed = Unsteady(data.draw), list[tuple[str, Status, int]]()
    cells = [cell("m", i) for i in range(n_cells)]

    def commit(job: Job, result: CellResult) -> None:
        assert job.folder.is_dir()
        committed.append((name(job.cell), result.status, len(result.attempts)))

    made = Schedule(
        executor,
        store,
        {each.id: each.id for each in cells},
        16,
        lambda c: False,
        commit,
        nothing,
        nothing,
        wait_for_workers=20.0,
        silence=silence,
        clock=lambda: executor.time,
    )
    assert made.run(cells) == []
    assert sorted(each for each, _, _ in committed) == sorted(map(name, cells))
    assert all(attempts <= 3 for _, _, attempts in committed)
    assert all(status in (Status.OK, Status.LOST) for _, status, _ in committed)
    assert list((store.root / "staging").iterdir()) == []
    assert all(store.try_claim("cells", each.id) for each in cells)


@dataclass
class Places:
    """An executor with as many places at a time as its function says."""

    places: Callable[[float], int]
    silent: bool = False
    has_failed: bool = False
    in_this_process: bool = False
    trouble: str = ""
    time: float = 0.0
    under_way: list[Job] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def capacity(self) -> int:
        return max(0, self.places(self.time) - len(self.under_way))

    def submit(self, job: Job) -> None:
        self.under_way.append(job)

    def next(self, timeout: float | None = None) -> Ended | Working | None:
        self.time += 1.0
        if not self.under_way or self.silent:
            return None
        job = self.under_way.pop(0)
        return Ended(job, OK if self.places(self.time) else LOST)

    def cancel(self, job: Job) -> None:
        self.under_way.remove(job)
        self.cancelled.append(name(job.cell))

    def close(self) -> None:
        self.under_way.clear()


def committed_on(store: Store, executor: Places, cells: list[Cell], **how: Any) -> list[tuple[str, str, str]]:
    committed = []

    def commit(job: Job, result: CellResult) -> None:
        committed.append((name(job.cell), str(result.status), result.reason))

    keys = {each.id: each.id for each in cells}
    clock = {"clock": lambda: executor.time, **how}
    assert Schedule(executor, store, keys, 16, lambda c: False, commit, nothing, nothing, **clock).run(cells) == []
    return committed


def test_without_any_worker_the_rest_is_given_up(store: Store) -> None:
    executor = Places(lambda time: time < 2, trouble="node 7 has other code of plug")
    done = committed_on(store, executor, [cell("m", i) for i in range(3)], wait_for_workers=600)
    assert done == [
        ("m0", "ok", ""),
        ("m1", "lost", "no worker for 600 s: node 7 has other code of plug (attempt 2)"),
        ("m2", "lost", "no worker for 600 s: node 7 has other code of plug"),
    ]
    assert 600 <= executor.time < 610


def test_a_worker_that_comes_in_time_takes_the_rest(store: Store) -> None:
    executor = Places(lambda time: time < 2 or time > 500)
    done = committed_on(store, executor, [cell("m", i) for i in range(3)], wait_for_workers=600)
    assert [status for _, status, _ in done] == ["ok"] * 3
    # Two waits of less than the limit are no wait of more.
    gaps = Places(lambda time: time % 400 < 2)
    done = committed_on(store, gaps, [cell("n", i) for i in range(6)], wait_for_workers=600)
    assert [status for _, status, _ in done] == ["ok"] * 6


def test_an_executor_that_has_failed_is_not_waited_for(store: Store) -> None:
    executor = Places(lambda time: 0, has_failed=True, trouble="executor 'x' failed")
    assert committed_on(store, executor, [cell("m")], wait_for_workers=600) == [
        ("m0", "lost", "no worker: executor 'x' failed")
    ]
    assert executor.time < 3


def test_a_place_that_says_nothing_is_given_up(store: Store) -> None:
    executor = Places(lambda time: 1, silent=True)
    ((_, status, reason),) = committed_on(store, executor, [cell("m")], silence=50)
    assert (status, reason) == ("lost", "nothing was heard of it for 50 s (attempt 4)")
    assert executor.cancelled == ["m0"] * 4


def test_progress_is_news_and_is_told(store: Store) -> None:
    executor, told = Places(lambda time: 1), list[tuple[Any, ...]]()
    jobs: list[Job] = []

    def next_news(timeout: float | None = None) -> Ended | Working | None:
        executor.time += 30.0
        jobs.append(executor.under_way[0])
        return Working(jobs[0], "training m", len(jobs), 9) if len(jobs) < 9 else Ended(executor.under_way.pop(), OK)

    executor.next = next_news  # type: ignore[method-assign]
    one, committed = cell("m"), list[str]()
    Schedule(
        executor,
        store,
        {one.id: one.id},
        16,
        lambda c: False,
        lambda job, result: committed.append(str(result.status)),
        nothing,
        lambda *what: told.append(what),
        silence=50,
        clock=lambda: executor.time,
    ).run([one])
    assert committed == ["ok"]
    assert told[0] == (one, "training m", 1, 9)
    assert len(told) == 8
