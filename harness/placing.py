"""For authors of executors: what one is, what runs on the places that it finds, and a check that it keeps its contract.

An executor carries texts and bytes between the coordinator and the agents of its places, and nothing else:

    from harness.placing import Ended, NodeAgent, bring_home, job_text, lost, settings_text

    class Mine:
        in_this_process, trouble, has_failed = False, "", False
        def start(self, run): ...            # make places; on each, NodeAgent(settings_text(run))
        def capacity(self): ...              # places that have answered and are idle
        def submit(self, job): ...           # on such a place, agent.run(job_text(job)) -> reply, archive
        def next(self, timeout): ...         # Ended(job, bring_home(job, reply, archive)), or lost(job, reason)
        def cancel(self, job): ...
        def close(self): ...                 # agent.close() on each

Retries, deadlines of cells, isolation, logs and commits are the core's.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.coordinator.executors import make_executor
from harness.coordinator.options import RunArguments, RunOptions
from harness.coordinator.prepared import Prepared, prepare
from harness.execution.executor import Ended as Ended
from harness.execution.executor import Executor as Executor
from harness.execution.executor import Job as Job
from harness.execution.executor import PlacingExecutor as PlacingExecutor
from harness.execution.executor import RunSettings as RunSettings
from harness.execution.executor import Working as Working
from harness.execution.node_agent import NodeAgent as NodeAgent
from harness.execution.node_agent import bring_home as bring_home
from harness.execution.node_agent import job_text as job_text
from harness.execution.node_agent import lost as lost
from harness.execution.node_agent import settings_text as settings_text
from harness.execution.process_tree import descendants
from harness.library import Run, run
from harness.plugins import PluginFolders
from harness.store.cell_result import CellResult as CellResult
from harness.store.keys import file_digest
from harness.store.records import RECORDS
from harness.store.store import array_digests

_SUITE = """
suite: placing
task: classify
data: {use: digits, limit: 24}
models: [digit_linear]
seeds: [0, 1]
attacks: [none, {use: fgsm, with: {eps: 0.1}}]
metrics: [accuracy]
"""
_SECONDS_TO_START = 120.0


def check_executor(
    name: str, parameters: Mapping[str, Any] | None = None, *, folder: Path, plugin_folders: PluginFolders = ()
) -> None:
    """Run four cells on an executor and on this machine, and try its methods one by one.

    Args:
        name: of the executor.
        parameters: those that it is given.
        folder: an empty folder for runs.
        plugin_folders: as `--plugins-dir`.

    Raises:
        AssertionError: cells are not ok, their records differ from those of this machine, it answers what it must not,
            or something that it started goes on after `close`.
    """
    suite = folder / "placing.yaml"
    suite.write_text(_SUITE, encoding="utf-8")
    given = [f"{key}={json.dumps(value)}" for key, value in (parameters or {}).items()]
    here: RunArguments = {"device": "cpu", "plugin_folders": plugin_folders, "results": folder / "here"}
    there: RunArguments = {**here, "results": folder / "there", "executor": name, "executor_with": given}
    methods: RunArguments = {**there, "results": folder / "methods"}
    placed, local = run(suite, **there), run(suite, **here)
    for row in placed.rows:
        assert row.status == "ok", f"{row.cell} is {row.status} on executor {name!r}: {row.reason}"
    assert _digests(placed) == _digests(local), f"records made on executor {name!r} differ from those of this machine"
    _check_methods(prepare(suite, RunOptions(**methods)))


def _digests(done: Run) -> dict[str, dict[str, str]]:
    cells = {row.cell: done.folder.cell(row.cell) for row in done.rows}
    return {cell: {RECORDS: file_digest(at / RECORDS), **array_digests(at)} for cell, at in cells.items()}


def _check_methods(prepared: Prepared) -> None:
    before = set(descendants(os.getpid()))
    executor = make_executor(prepared, lambda *_: None)
    try:
        _check_jobs(executor, prepared)
    finally:
        executor.close()
        executor.close()
    assert not executor.has_failed, executor.trouble
    left = set(descendants(os.getpid())) - before
    assert not left, f"{len(left)} processes go on after the executor was closed"


def _check_jobs(executor: Executor, prepared: Prepared) -> None:
    until = time.monotonic() + _SECONDS_TO_START
    while not executor.capacity():
        assert executor.next(0.5) is None, "news of a job that nobody has submitted"
        assert time.monotonic() < until, f"no place within {_SECONDS_TO_START:.0f} s: {executor.trouble}"
    jobs = [_job(prepared, number) for number in range(executor.capacity() + 1)]
    for job in jobs[:-1]:
        executor.submit(job)
    assert executor.capacity() == 0, "capacity that is used up is still offered"
    executor.cancel(jobs[-1])
    executor.cancel(jobs[0])
    ended: list[Job] = []
    until = time.monotonic() + _SECONDS_TO_START
    while len(ended) < len(jobs) - 2:
        news = executor.next(1.0)
        assert time.monotonic() < until, f"a job has not ended within {_SECONDS_TO_START:.0f} s"
        if news is None:
            continue
        assert news.job in jobs[1:-1], "news of a job that was cancelled or never submitted"
        if isinstance(news, Ended):
            assert (news.job.folder / RECORDS).is_file(), "the files of a job that has ended do not lie in its folder"
            ended.append(news.job)
    assert len(set(map(id, ended))) == len(ended), "a job has ended twice"


def _job(prepared: Prepared, number: int) -> Job:
    cell = prepared.plan.cells[number % len(prepared.plan.cells)]
    return Job(cell, prepared.store.open_stage(), 16)
