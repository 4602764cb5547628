"""An executor whose places are threads of this machine, each with an agent of its own: the smallest that is whole."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.api import Component, hookimpl
from harness.placing import (
    Ended,
    Job,
    NodeAgent,
    RunSettings,
    Working,
    bring_home,
    job_text,
    lost,
    settings_text,
)


class Threads:
    """Runs cells on agents in threads of this process.

    Args:
        places: how many run at a time.
        scratch: the folder of their temporary files; by default that of the system.
    """

    in_this_process = False
    has_failed = False

    def __init__(self, places: int = 1, scratch: str = "") -> None:
        self._n, self._scratch = places, Path(scratch) if scratch else None
        self.trouble = ""
        self._agents: list[NodeAgent] = []
        self._threads: list[ThreadPoolExecutor] = []
        self._news: queue.Queue[Ended | Working] = queue.Queue()
        self._busy: dict[int, Job] = {}
        self._cancelled: list[Job] = []

    def start(self, run: RunSettings) -> None:
        n_places = run.n_workers or self._n
        self._agents = [NodeAgent(settings_text(run), scratch=self._scratch) for _ in range(n_places)]
        # One thread for each, since a worker ends with the thread that has started it.
        self._threads = [ThreadPoolExecutor(1) for _ in range(n_places)]

    def capacity(self) -> int:
        return len(self._agents) - len(self._busy)

    def submit(self, job: Job) -> None:
        place = next(i for i in range(len(self._agents)) if i not in self._busy)
        self._busy[place] = job
        self._threads[place].submit(self._run, place, job)

    def _run(self, place: int, job: Job) -> None:
        try:
            result = bring_home(job, *self._agents[place].run(job_text(job)))
        except Exception as error:
            result = lost(job, f"its place failed: {error}")
        self._news.put(Ended(job, result))

    def next(self, timeout: float | None = None) -> Ended | Working | None:
        try:
            news = self._news.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(news, Ended):
            self._busy = {place: job for place, job in self._busy.items() if job is not news.job}
        is_unwanted = any(news.job is job for job in self._cancelled)
        return None if is_unwanted else news

    def cancel(self, job: Job) -> None:
        self._cancelled.append(job)

    def close(self) -> None:
        for agent, thread in zip(self._agents, self._threads, strict=True):
            agent.close()
            thread.shutdown(cancel_futures=True)


@hookimpl
def harness_components():
    return [Component("executor", "threads", f"{__name__}:Threads")]
