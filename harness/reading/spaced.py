"""Columns parted by runs of spaces or tabs, as in tables of UCI and of R, made into columns parted by single tabs."""

from __future__ import annotations

import re

WHITESPACE = "whitespace"
"""The separator by which such a table is declared."""

_QUOTED = rb'(?<![^ \t\r\n])"[^"]*+(?:""[^"]*+)*+"'
_EDGE = rb"(?<![^\r\n])[ \t]+|[ \t]+(?![^\r\n])"
_RUN = re.compile(rb"(%b)|(%b)|[ \t]+" % (_QUOTED, _EDGE))


def tab_separated(content: bytes) -> bytes:
    """The table with a tab for each run outside of quotes, and none at the edges of a line; its lines stay."""
    return _RUN.sub(_replaced, content)


def _replaced(match: re.Match[bytes]) -> bytes:
    quoted, edge = match.groups()
    if quoted is not None:
        return quoted
    return b"\t" if edge is None else b""
