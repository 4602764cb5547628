"""Images read by several threads, and the next ones while the caller works on those that it has."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np

from harness.api.images import Pixels

_MOST_THREADS = 8
"""Decoding runs beside Python up to about so many threads."""


class ReadingAhead:
    """Reads rows, each as it would be alone; which thread reads it makes no difference.

    From the second of two takes on that follow each other, as many rows as were taken are read ahead.

    Args:
        read: the image at a row.
        shape: channels, height and width of each.
        n: how many rows there are.
    """

    def __init__(self, read: Callable[[int], Pixels], shape: tuple[int, int, int], n: int) -> None:
        self._read, self._shape, self._n = read, shape, n
        self._ahead: _Reading | None = None
        self._stop = 0

    def take(self, rows: Sequence[int]) -> Pixels:
        """The images at these rows, `[len(rows), C, H, W]`. Raises what `read` raises for the first that cannot be."""
        wanted = list(rows)
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.rows[: len(wanted)] != wanted:
            ahead.cancel()
            ahead = None
        images = (ahead or self._started(wanted)).images()[: len(wanted)]
        if wanted and self._stop and wanted == list(range(self._stop, self._stop + len(wanted))):
            following = list(range(wanted[-1] + 1, min(self._n, wanted[-1] + 1 + len(wanted))))
            self._ahead = self._started(following) if following else None
        self._stop = wanted[-1] + 1 if wanted else 0
        return images

    def _started(self, rows: list[int]) -> _Reading:
        images = np.empty((len(rows), *self._shape), np.float32)

        def fill(place: int) -> None:
            images[place] = self._read(rows[place])

        return _Reading(rows, images, [_threads().submit(fill, place) for place in range(len(rows))])


@dataclass(frozen=True)
class _Reading:
    """Rows that are being read, and where their images go."""

    rows: list[int]
    into: Pixels
    parts: list[Future[None]]

    def images(self) -> Pixels:
        """The images, as soon as all are there."""
        try:
            for part in self.parts:
                part.result()
        finally:
            self.cancel()
        return self.into

    def cancel(self) -> None:
        """Read no more of them."""
        for part in self.parts:
            part.cancel()


@cache
def _threads() -> ThreadPoolExecutor:
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ThreadPoolExecutor(min(_MOST_THREADS, available), thread_name_prefix="decoding")
