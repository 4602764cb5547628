"""Asking until there is an answer: when a request is repeated, how long is waited, and when all is given up."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from harness_language.served.failures import Broken, Failure, GivenUp, Throttled, Unreachable

T = TypeVar("T")
_LONGEST_WAIT = 30.0
_STAGGER = 0.5
"""Seconds over which threads that were told to wait begin again, so that they do not come all at once."""


@dataclass(frozen=True)
class Patience:
    """How long failures are borne.

    Attributes:
        retries: how often a request is repeated whose answers are broken.
        seconds: how long to go on without any new answer, while a server throttles or is away.
        first_seconds: the same before the server has said anything.
        backoff: seconds before the first repetition; they double with each.
    """

    retries: int = 6
    seconds: float = 600.0
    first_seconds: float = 5.0
    backoff: float = 0.25


class Stopped(Exception):
    """Another thread has given up."""


class Persistence:
    """Repeats requests, with what is known of the server shared by all threads.

    Args:
        patience: how long.
        stop: set once all is given up.
    """

    def __init__(self, patience: Patience, stop: threading.Event) -> None:
        self._patience, self._stop = patience, stop
        self._last_answer = time.monotonic()
        self._paused_until = 0.0
        self._is_heard = False
        # Of its own: what a cell draws from the global generators must not depend on a server.
        self._random = random.Random()

    def ask(self, once: Callable[[], T]) -> T:
        """Return the answer.

        Args:
            once: makes the request.

        Raises:
            GivenUp: patience has come to its end.
            Refused: there will be no answer to this request.
            Stopped: another thread has given up.
        """
        failures = tries = 0
        while True:
            self._sleep(self._paused_until - time.monotonic())
            try:
                answer = once()
            except Throttled as failure:
                self._is_heard = True
                self._pause(failure, self._wait(tries) if failure.seconds is None else failure.seconds)
                self._sleep(self._random.uniform(0, _STAGGER))
            except Broken as failure:
                self._is_heard, failures = True, failures + 1
                if failures > self._patience.retries:
                    raise GivenUp(f"{failure} ({failures} times); {_KEPT}") from failure
                self._bear(failure, self._wait(tries))
            except Unreachable as failure:
                self._bear(failure, self._wait(tries))
            else:
                self._is_heard, self._last_answer = True, time.monotonic()
                return answer
            tries += 1

    def _wait(self, tries: int) -> float:
        """Seconds before the next try, between half of what doubles with each and all of it."""
        longest = min(_LONGEST_WAIT, self._patience.backoff * 2.0**tries)
        return self._random.uniform(longest / 2, longest)

    def _pause(self, failure: Failure, seconds: float) -> None:
        """Let all threads wait."""
        self._check(failure, seconds)
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)

    def _bear(self, failure: Failure, seconds: float) -> None:
        self._check(failure, seconds)
        self._sleep(seconds)

    def _check(self, failure: Failure, seconds: float) -> None:
        """Raise GivenUp if it takes too long."""
        limit = self._patience.seconds if self._is_heard else self._patience.first_seconds
        if time.monotonic() + seconds - self._last_answer > limit:
            after = f" for {limit:g} s" if self._is_heard else ""
            raise GivenUp(f"{failure}{after and f'; no answer{after}'}{f'; {_KEPT}' if self._is_heard else ''}")

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds) if seconds > 0 else self._stop.is_set():
            raise Stopped


_KEPT = "what was answered is kept: run again to go on"
