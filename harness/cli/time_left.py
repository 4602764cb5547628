"""How long a run still takes, counted down between two reports of progress."""

from __future__ import annotations

import time
from collections.abc import Callable


class TimeLeft:
    """Estimates the time left from the share that is done.

    Args:
        clock: seconds of a clock that only goes forwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._start = clock, clock()
        self._share, self._told_at = 0.0, self._start
        self._left: float | None = None

    def update(self, share: float) -> None:
        """Take the share that is done, from 0 to 1. One that has not grown says nothing new."""
        if share <= self._share:
            return
        self._share, self._told_at = share, self._clock()
        self._left = (self._told_at - self._start) / share * (1 - share)

    @property
    def seconds(self) -> float | None:
        """The seconds left, less what has passed since the last report; None before the first."""
        return None if self._left is None else max(0.0, self._left - (self._clock() - self._told_at))

    def __str__(self) -> str:
        seconds = self.seconds
        if seconds is None:
            return "-:--"
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
