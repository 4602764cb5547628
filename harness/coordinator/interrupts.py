"""Interruption by the user (INT), a scheduler (TERM) or a closed terminal (HUP), between steps: nothing half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While entered, the first signal is noted instead of raised; a second one is raised at once.

    Signals can be caught in the main thread only; elsewhere this does nothing.
    """

    def __init__(self) -> None:
        self.requested = False
        self._may_raise = False
        self._before: dict[signal.Signals, Any] = {}

    @property
    def is_stopping(self) -> bool:
        """Whether a signal has come since this was entered, and it still is; long waits for plugins end then."""
        return self.requested and bool(self._before)

    def __enter__(self) -> Interrupts:
        self.requested = False
        if threading.current_thread() is threading.main_thread():
            heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._handle) for number in heeded}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    @contextmanager
    def raising(self, enabled: bool) -> Iterator[None]:
        """Let a signal raise KeyboardInterrupt inside, where code of plugins runs that nothing else can stop."""
        self._may_raise = enabled
        try:
            yield
        finally:
            self._may_raise = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        is_second, self.requested = self.requested, True
        if self._may_raise or is_second:
            raise KeyboardInterrupt
