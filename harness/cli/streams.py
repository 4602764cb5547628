"""The standard streams: what is printed is escaped; closed ones are replaced, full ones are an error in words."""

from __future__ import annotations

import os
import secrets
import sys
import warnings
from typing import Any

import click

from harness.escaping import visible

_ESCAPE = secrets.token_hex(16)
"""Stands for the escape character in styles of ours; no text of a stranger holds it."""


def styled(text: object, **style: Any) -> str:
    """Return a text that `echo` prints in a style, as of `click.style`."""
    return click.style(text, **style).replace("\x1b", _ESCAPE)


def echo(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a text. Control characters in it are spelt out, whoever wrote them; only styles of `styled` are kept."""
    click.echo(visible(str(text)).replace(_ESCAPE, "\x1b"), err=err, nl=nl)


def escape_warnings() -> None:
    """Have warnings of libraries printed by `echo`: that of a missing glyph has the character itself in it."""
    warnings.showwarning = lambda message, category, filename, lineno, file=None, line=None: echo(
        warnings.formatwarning(message, category, filename, lineno, line), err=True, nl=False
    )


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
