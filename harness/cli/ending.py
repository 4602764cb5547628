"""Signals that ask a command to end: each is an interrupt as by Ctrl-C, whatever the command is doing."""

from __future__ import annotations

import atexit
import os
import signal
from functools import partial
from types import FrameType
from typing import NoReturn

# QUIT ends at once with a dump of memory, as a user who sends it wants.
_ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_when_asked() -> None:
    """Have INT, TERM (a scheduler) and HUP (a closed terminal) raise KeyboardInterrupt; `nohup` stays in force."""
    for number in _ASKING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def end_when_asked(code: int) -> None:
    """Have them end this process at once, since its work is done."""
    for number in _ASKING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, partial(_end, code))
    # At its very end Python takes handlers away, and the signal would decide about the exit code.
    atexit.register(_ignore)


def _ignore() -> None:
    for number in _ASKING:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _end(code: int, number: int, frame: FrameType | None) -> NoReturn:
    os._exit(code)
