"""Cells on a Ray cluster: one actor a place, which takes a cell only once it has answered."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Annotated, Any

import annotated_types

from harness.placing import Ended, Job, RunSettings, Working, bring_home, job_text, lost, settings_text
from harness_ray.cluster import Authentication, join
from harness_ray.place import Place

_SECONDS_BETWEEN_QUESTIONS = 2.0
_SECONDS_AFTER_A_FAILURE = 5.0
_SECONDS_TO_CLOSE = 10.0
_LONGEST_NAP = 0.2

NotNegative = Annotated[float, annotated_types.Ge(0)]


@dataclass(eq=False)
class _Actor:
    """An actor and what it does: `answer` is of its greeting while it starts, then of its job."""

    handle: Any
    answer: Any
    job: Job | None = None
    question: Any = None
    asked: float = 0.0


class Ray:
    """Runs cells on a Ray cluster, a running one or one of this machine that ends with the run.

    Places that go away are replaced as long as the cluster has room; their cells are tried again by the core. Machines
    need the same code as this one, and no common file system.

    Args:
        address: HOST:PORT of a running cluster, or `auto` for the one of this machine; by default one is started.
        cpus: that Ray reserves for each place.
        gpus: that Ray reserves for each place; a fraction shares one. Cells compute there with `--device cuda`.
        memory_gib: that Ray reserves for each place; 0 for no reservation.
        places: cells at a time; 0 for as many as `--workers`, or as the cluster has room for.
        authentication: whether the cluster asks for a token.
    """

    in_this_process = False
    has_failed = False

    def __init__(
        self,
        address: str = "",
        *,
        cpus: NotNegative = 1.0,
        gpus: NotNegative = 0.0,
        memory_gib: NotNegative = 0.0,
        places: Annotated[int, annotated_types.Ge(0)] = 0,
        authentication: Authentication = "token",
    ) -> None:
        self._address, self._authentication, self._places = address, authentication, places
        self._needs: dict[str, Any] = {"num_cpus": cpus, "num_gpus": gpus}
        self._needs |= {"memory": int(memory_gib * 2**30)} if memory_gib else {}
        self._starting: list[_Actor] = []
        self._ready: list[_Actor] = []
        self._running: list[_Actor] = []
        self._news: deque[Ended | Working] = deque()
        self._not_before = 0.0
        self._settings, self._is_own = "", False
        self._ray: Any = None
        self.trouble = "no node of the Ray cluster has answered"

    def start(self, run: RunSettings) -> None:
        """Join the cluster. Raises UsageError if nobody answers."""
        self._ray, self._is_own = join(self._address, self._authentication)
        self._settings, self._places = settings_text(run), run.n_workers or self._places
        self._grow()

    def capacity(self) -> int:
        """Return how many places have answered and are idle."""
        return len(self._ready)

    def submit(self, job: Job) -> None:
        """Give a job to a place that has answered."""
        actor = self._ready.pop()
        actor.job, actor.asked = job, time.monotonic()
        actor.answer = actor.handle.run.remote(job_text(job))
        self._running.append(actor)

    def next(self, timeout: float | None = None) -> Ended | Working | None:
        """Wait for a place to answer; None also when one has come or gone."""
        if self._news:
            return self._news.popleft()
        self._grow()
        by_answer = {actor.answer: actor for actor in (*self._starting, *self._running)}
        by_answer |= {actor.question: actor for actor in self._running if actor.question is not None}
        if not by_answer:
            time.sleep(min(timeout or _LONGEST_NAP, _LONGEST_NAP))
            return None
        done, _ = self._ray.wait([*by_answer], num_returns=1, timeout=timeout)
        if not done:
            self._ask()
            return None
        actor = by_answer[done[0]]
        if actor in self._starting:
            self._take_greeting(actor)
        elif done[0] == actor.question:
            self._take_progress(actor)
        else:
            self._take_reply(actor)
        return self._news.popleft() if self._news else None

    def cancel(self, job: Job) -> None:
        """End the place of a job; another one is found for the next."""
        for actor in [actor for actor in self._running if actor.job is job]:
            self._drop(actor)

    def close(self) -> None:
        """End all places, and the cluster if it was started here."""
        if self._ray is None or not self._ray.is_initialized():
            return
        actors = [*self._starting, *self._ready, *self._running]
        closing = [actor.handle.close.remote() for actor in (*self._ready, *self._running)]
        if closing:
            self._ray.wait(closing, num_returns=len(closing), timeout=_SECONDS_TO_CLOSE)
        for actor in actors:
            self._ray.kill(actor.handle)
        self._starting, self._ready, self._running = [], [], []
        if self._is_own:
            self._ray.shutdown()

    def _grow(self) -> None:
        """Ask Ray for the places that are missing."""
        if time.monotonic() < self._not_before:
            return
        missing = (self._places or self._room()) - len(self._starting) - len(self._ready) - len(self._running)
        if missing <= 0:
            return
        # A job is tried again by the core, which notes the attempt.
        once = {"max_restarts": 0, "max_task_retries": 0, "max_concurrency": 2, "scheduling_strategy": "SPREAD"}
        make = self._ray.remote(Place).options(**once, **self._needs)
        for _ in range(missing):
            handle = make.remote(self._settings)
            self._starting.append(_Actor(handle, handle.greet.remote()))

    def _room(self) -> int:
        """How many places the nodes of now have room for."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        wanted = {"CPU": self._needs["num_cpus"], "GPU": self._needs["num_gpus"]}
        wanted = {name: number for name, number in wanted.items() if number}
        if not wanted:
            return len(nodes)
        return sum(min(int(node.get(name, 0) / number) for name, number in wanted.items()) for node in nodes)

    def _take_greeting(self, actor: _Actor) -> None:
        self._starting.remove(actor)
        try:
            self._ray.get(actor.answer)
        except self._ray.exceptions.RayError as error:
            self.trouble = _cause(error)
            self._not_before = time.monotonic() + _SECONDS_AFTER_A_FAILURE
        else:
            self._ready.append(actor)

    def _take_reply(self, actor: _Actor) -> None:
        job = actor.job
        assert job is not None
        self._running.remove(actor)
        try:
            reply, archive = self._ray.get(actor.answer)
        except self._ray.exceptions.RayError as error:
            self.trouble = f"a place went away: {_cause(error)}"
            self._news.append(Ended(job, lost(job, f"the place it ran on went away ({_cause(error)})")))
            self._ray.kill(actor.handle)
            return
        actor.job = actor.question = None
        self._ready.append(actor)
        self._news.append(Ended(job, bring_home(job, reply, archive)))

    def _ask(self) -> None:
        """Ask places that are silent for a while how far they are."""
        now = time.monotonic()
        for actor in self._running:
            if actor.question is None and now - actor.asked > _SECONDS_BETWEEN_QUESTIONS:
                actor.question, actor.asked = actor.handle.progress.remote(), now

    def _take_progress(self, actor: _Actor) -> None:
        question, actor.question = actor.question, None
        assert actor.job is not None
        try:
            what, done, total = self._ray.get(question)
        except self._ray.exceptions.RayError:
            return  # The end of its job says more.
        self._news.append(Working(actor.job, what, done, total))

    def _drop(self, actor: _Actor) -> None:
        self._running.remove(actor)
        self._news = deque(news for news in self._news if news.job is not actor.job)
        self._ray.kill(actor.handle)


def _cause(error: Exception) -> str:
    """The cause of an error of Ray in one line: of one that a place raised, what it said."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
