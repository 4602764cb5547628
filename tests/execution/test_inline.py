"""Cells in this process: one after another, with what they print in their log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from execution.cells import cell
from harness.contract.cells import Cell
from harness.contract.rows import Status
from harness.execution.build import Builder
from harness.execution.executor import Job
from harness.execution.inline import InlineExecutor
from harness.signatures import SignatureReader

Told = list[tuple[Cell, str, int, int]]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def make(builder: Builder, signatures: SignatureReader, told: Told) -> Callable[..., InlineExecutor]:
    def call(*, debug: bool = False) -> InlineExecutor:
        return InlineExecutor(builder, signatures, lambda *what: told.append(what), debug=debug)

    return call


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Job]:
    def call(how: str = "", batch_size: int = 8, **parts: Any) -> Job:
        made = cell(how, **parts)
        (tmp_path / made.id).mkdir()
        return Job(made, tmp_path / made.id, batch_size)

    return call


def test_it_says_what_it_is(make: Callable[..., InlineExecutor]) -> None:
    executor = make()
    assert (executor.capacity(), executor.in_this_process) == (1, True)


def test_jobs_run_in_order_with_their_batch_size(
    make: Callable[..., InlineExecutor], job: Callable[..., Job], told: Told
) -> None:
    executor, jobs = make(), [job("one", 8), job("two", 5)]
    for each in jobs:
        executor.submit(each)
    for each in jobs:
        ended = executor.next()
        assert ended is not None
        assert ended.job is each
        assert (ended.result.status, ended.result.batch_size) == (Status.OK, each.batch_size)
    assert told == [(each.cell, "", 1, 2) for each in jobs]


def test_what_a_cell_prints_goes_to_its_log(
    make: Callable[..., InlineExecutor], job: Callable[..., Job], capsys: pytest.CaptureFixture[str]
) -> None:
    executor, jobs = make(), [job("one"), job("raise")]
    for each in jobs:
        executor.submit(each)
        executor.next()
    assert capsys.readouterr().out == ""
    assert (jobs[0].folder / "log.txt").read_text() == "acting: one\n"
    failed = (jobs[1].folder / "log.txt").read_text()
    assert failed.startswith("acting: raise\nTraceback")
    assert failed.endswith("ValueError: a bug of\nthe plugin\n")


def test_a_debugger_sees_output_and_exceptions(
    make: Callable[..., InlineExecutor], job: Callable[..., Job], capsys: pytest.CaptureFixture[str]
) -> None:
    executor = make(debug=True)
    executor.submit(job("raise"))
    with pytest.raises(ValueError, match="a bug of"):
        executor.next()
    assert capsys.readouterr().out == "acting: raise\n"


def test_closing_drops_what_waits(make: Callable[..., InlineExecutor], job: Callable[..., Job]) -> None:
    executor = make()
    executor.submit(job())
    assert executor.capacity() == 0
    executor.close()
    assert (executor.next(), executor.capacity()) == (None, 1)


def test_a_cancelled_job_does_not_run(make: Callable[..., InlineExecutor], job: Callable[..., Job]) -> None:
    executor, jobs = make(), [job("one"), job("two")]
    executor.submit(jobs[0])
    executor.cancel(jobs[0])
    executor.cancel(jobs[1])
    assert executor.next() is None
    assert list(jobs[0].folder.iterdir()) == []
