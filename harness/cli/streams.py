"""The standard streams: closed ones are replaced before anything takes their place, full ones are an error in words."""

from __future__ import annotations

import os
import sys


def open_closed_streams() -> None:
    """Put the null device in the place of standard streams that whoever started this process has closed.

    Else the next file that is opened gets their number, and what is printed ends up in it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is given out, and the lower ones are taken by now.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))


def flush_output() -> None:
    """Write what was printed. Raises OSError where the output takes no more, and then drops the rest."""
    try:
        sys.stdout.flush()
    except OSError:
        # Python would try again at its end, and change the exit code.
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
        raise
