"""Asking a server many things at once: each answer is kept as it comes, and none is asked for twice."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import default_folder
from harness_language.served.failures import GivenUp, Refused
from harness_language.served.kept_answers import KeptAnswers, digest_of
from harness_language.served.keys import key_for
from harness_language.served.persistence import Patience, Persistence, Stopped
from harness_language.served.spending import Spending

if TYPE_CHECKING:
    from harness_language.served.exchange import Exchange

_MAX_REFUSALS_AT_FIRST = 8
"""After so many refusals without an answer, no other request is thought to be answered."""
_POLL_SECONDS = 0.05
_WAITS_BEFORE_A_LOOK = 20
"""How often an answer that somebody else asks for is waited for, before it is seen whether they still do."""


@dataclass(frozen=True)
class Request:
    """One thing to ask.

    Attributes:
        body: sent as JSON.
        prompt_tokens, completion_tokens: that it costs at most.
    """

    body: Mapping[str, Any]
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class Answer:
    """What is kept of an answer.

    Attributes:
        content: as it was read; can be written as JSON.
        prompt_tokens, completion_tokens: that it cost.
        refused: why there is no answer.
        seconds: how long it took.
    """

    content: Any = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    refused: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Service:
    """A server with one model.

    Attributes:
        url: where requests are sent.
        identity: what tells the model from others.
        name: what its file of kept answers is called.
        connections: how many requests there are at once.
        deadline: seconds until an answer must be there.
        patience: with failures.
        cache: the folder of kept answers; None for that of the user.
        spending: what may be spent on it.
    """

    url: str
    identity: Mapping[str, Any]
    name: str
    connections: int = 16
    deadline: float = 120.0
    patience: Patience = field(default_factory=Patience)
    cache: Path | None = None
    spending: Spending = field(default_factory=Spending)

    def ask(self, requests: Iterable[Request], read: Callable[[Any], Answer]) -> Iterator[tuple[int, Answer]]:
        """Yield the number of each request and its answer, as they come.

        Args:
            requests: they are taken as they are asked.
            read: reads the JSON of an answer. Raises Broken if it is none.

        Raises:
            GivenUp: the server will not answer the rest. What came before is kept.
        """
        # Here, so that a plan needs no httpx.
        from harness_language.served.exchange import Exchange

        folder = default_folder("answers") if self.cache is None else self.cache
        key = key_for(self.url)
        with (
            closing(KeptAnswers(folder, {"url": self.url, **self.identity}, self.name)) as kept,
            closing(Exchange(self.url, key, self.deadline)) as exchange,
        ):
            asking = _Asking(self, exchange, kept, read)
            yield from _at_once(requests, asking.answer, self.connections, asking.stop)


class _Asking:
    """What the threads of one call share."""

    def __init__(self, service: Service, exchange: Exchange, kept: KeptAnswers, read: Callable[[Any], Answer]) -> None:
        self.stop = threading.Event()
        self._exchange, self._kept, self._read = exchange, kept, read
        self._persistence = Persistence(service.patience, self.stop)
        self._spending = service.spending
        self._lock = threading.Lock()
        self._answered = self._refused = 0

    def answer(self, request: Request) -> Answer:
        """Return the answer to a request, kept or new. Of equal requests one is asked, in all processes."""
        digest, bound = digest_of(request.body), (request.prompt_tokens, request.completion_tokens)
        allows = None if self._spending.limit is None else self._spending.allows
        for wait in count():
            content = self._kept.get(digest)
            if content is not None:
                self._count(answered=1)
                return Answer(**content)
            claim = self._kept.claim(digest, *bound, allows)
            if claim == "ours":
                break
            if claim == "too dear":
                raise self._spending.reached(self._kept.spent(), *bound)
            if wait % _WAITS_BEFORE_A_LOOK == 0:
                self._kept.void_claims_of_the_dead()
            if self.stop.wait(_POLL_SECONDS):
                raise Stopped
        is_kept = False
        try:
            answer = self._new(digest, request)
            is_kept = not answer.refused
            return answer
        finally:
            if not is_kept:
                self._kept.release(digest)

    def _new(self, digest: str, request: Request) -> Answer:
        try:
            answer = self._persistence.ask(lambda: self._once(digest, request))
        except Refused as failure:
            self._count(refused=1)
            if not self._answered and self._refused >= _MAX_REFUSALS_AT_FIRST:
                raise GivenUp(f"{failure}, and so to every request so far") from failure
            return Answer(refused=str(failure))
        self._count(answered=1)
        return answer

    def _once(self, digest: str, request: Request) -> Answer:
        began = time.perf_counter()
        raw = self._exchange.ask(json.dumps(request.body).encode())
        answer = self._read(raw)
        kept = {
            "content": answer.content,
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "seconds": time.perf_counter() - began,
        }
        self._kept.put(digest, kept, answer.prompt_tokens, answer.completion_tokens)
        return Answer(**kept)

    def _count(self, answered: int = 0, refused: int = 0) -> None:
        with self._lock:
            self._answered += answered
            self._refused += refused


def _at_once(
    requests: Iterable[Request], ask: Callable[[Request], Answer], threads: int, stop: threading.Event
) -> Iterator[tuple[int, Answer]]:
    """Answer requests in threads, each of which takes the next one, a few ahead of who takes the answers.

    If one fails, the others end after what they are at, since that may be answered and paid for.
    """
    results: queue.SimpleQueue[tuple[int, Answer] | None] = queue.SimpleQueue()
    numbered, lock = enumerate(requests), threading.Lock()
    # A place for each request from when it is taken until its answer is; without it the answers would pile up.
    places = threading.Semaphore(2 * threads)

    def work() -> None:
        while places.acquire() and not stop.is_set():
            with lock:
                item = next(numbered, None)
            if item is None:
                return
            results.put((item[0], ask(item[1])))

    def end(future: Future[None]) -> None:
        if future.exception() is not None:
            stop_all()
        results.put(None)

    def stop_all() -> None:
        stop.set()
        places.release(threads)

    with ThreadPoolExecutor(threads, "harness-served") as pool:
        try:
            workers = [pool.submit(work) for _ in range(threads)]
            for worker in workers:
                worker.add_done_callback(end)
            left = threads
            while left:
                result = results.get()
                left -= result is None
                if result is not None:
                    yield result
                    places.release()
        finally:
            stop_all()
    raise_first([error for worker in workers if (error := worker.exception()) is not None])


def raise_first(errors: list[BaseException]) -> None:
    """Raise the error that made the others stop, if there are any."""
    for error in sorted(errors, key=lambda error: (isinstance(error, Stopped), not isinstance(error, GivenUp))):
        raise error
