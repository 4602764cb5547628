"""The smallest executor that is whole; on other machines, what carries jobs to agents is all that changes."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import annotated_types
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


class ThreadedAgents:
    """Runs cells on agents of this process, each of which has a worker process of its own.

    Args:
        places: cells at a time, unless the run asks for a number of workers.
        scratch: the folder of temporary files; by default that of the system.
    """

    in_this_process = False
    has_failed = False
    trouble = ""

    def __init__(self, places: Annotated[int, annotated_types.Ge(1)] = 1, scratch: str = "") -> None:
        self._n_places, self._scratch = places, Path(scratch) if scratch else None
        self._agents: list[NodeAgent] = []
        self._threads: list[ThreadPoolExecutor] = []
        self._busy: dict[int, Job] = {}
        self._cancelled: set[int] = set()
        self._news: queue.Queue[Ended] = queue.Queue()

    def start(self, run: RunSettings) -> None:
        """Make the agents; one thread for each, since a worker ends with the thread that has started it."""
        for _ in range(run.n_workers or self._n_places):
            self._agents.append(NodeAgent(settings_text(run), scratch=self._scratch))
            self._threads.append(ThreadPoolExecutor(1))

    def capacity(self) -> int:
        """Return how many agents are idle."""
        return len(self._agents) - len(self._busy)

    def submit(self, job: Job) -> None:
        """Give a job to an idle agent."""
        place = next(place for place in range(len(self._agents)) if place not in self._busy)
        self._busy[place] = job
        self._threads[place].submit(self._run, place, job)

    def _run(self, place: int, job: Job) -> None:
        try:
            result = bring_home(job, *self._agents[place].run(job_text(job)))
        except Exception as error:  # Whatever it is, the core tries the job again.
            result = lost(job, f"its agent failed: {error}")
        self._news.put(Ended(job, result))

    def next(self, timeout: float | None = None) -> Ended | Working | None:
        """Wait for a job to end."""
        try:
            ended = self._news.get(timeout=timeout)
        except queue.Empty:
            return None
        self._busy = {place: job for place, job in self._busy.items() if job is not ended.job}
        return None if id(ended.job) in self._cancelled else ended

    def cancel(self, job: Job) -> None:
        """Tell nobody of the end of a job; its agent is busy until then."""
        self._cancelled.add(id(job))

    def close(self) -> None:
        """End the agents with their workers."""
        for agent, thread in zip(self._agents, self._threads, strict=True):
            agent.close()
            thread.shutdown(cancel_futures=True)
