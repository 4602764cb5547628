"""The rows of separated text (RFC 4180), each with the line of the file on which it begins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_EXCEL_SEPARATOR = re.compile(rb'(?i:("?)sep=([^\r\n])\1(?:\r\n|\n|\r))')
_LINE_BREAK = re.compile(rb"\r\n|\n|\r")


class UnbalancedQuote(Exception):
    """A double quote opens a value and is not closed where the value ends."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


@dataclass(frozen=True)
class Record:
    """A row: the line on which it begins, from 1; its cells without their quotes; the position after its line break."""

    line: int
    cells: list[bytes]
    end: int


@dataclass(frozen=True)
class Opening:
    """What stands before the header: a byte order mark, and the line `sep=;` that Excel reads and writes."""

    end: int
    line: int
    separator: bytes | None

    @classmethod
    def of(cls, content: bytes) -> Opening:
        """The opening of a file."""
        begin = len(_BYTE_ORDER_MARK) if content.startswith(_BYTE_ORDER_MARK) else 0
        match = _EXCEL_SEPARATOR.match(content, begin)
        return cls(match.end(), 2, match[2]) if match else cls(begin, 1, None)


def records(content: bytes, separator: bytes) -> Iterator[Record]:
    """The header and the rows of a file; a line of nothing but separators and white space is none.

    Raises:
        UnbalancedQuote: a quote that is never closed, or text after a closing one.
    """
    opening = Opening.of(content)
    position, line = opening.end, opening.line
    cell, blank = _cell(separator), b" \t\r\n" + separator
    while position < len(content):
        begin, first, cells, end = position, line, [], separator
        while end == separator:
            match = cell.match(content, position)
            if match is None:
                raise UnbalancedQuote(line)
            quoted, plain, end = match.groups()
            cells.append(plain if quoted is None else quoted.replace(b'""', b'"'))
            line += len(_LINE_BREAK.findall(content, position, match.end()))
            position = match.end()
        if content[begin:position].strip(blank):
            yield Record(first, cells, position)


def _cell(separator: bytes) -> re.Pattern[bytes]:
    """A cell and what ends it. Spaces before the opening quote are not part of it, as in the tables of UCI."""
    other = re.escape(separator)
    return re.compile(rb'(?: *"([^"]*+(?:""[^"]*+)*+)" *|((?! *")[^%b\r\n]*+))(%b|\r\n|\n|\r|\Z)' % (other, other))


def are_plain(content: bytes, begin: int, separator: bytes) -> bool:
    """Whether any reader of CSV takes the rows as `records` does.

    Quotes are balanced and stand right after a separator, and no line is blank without being empty.

    Args:
        content: the file.
        begin: where its first row begins.
        separator: the byte between values.
    """
    other = re.escape(separator)
    endings = (b"\n", b"\r") if b"\r" in content else (b"\n",)
    if any(ending + first in content for ending in endings for first in (b" ", b"\t", separator)):
        blank_line = re.compile(rb"[\r\n][ \t%b]+(?:[\r\n]|\Z)" % other)
        if blank_line.search(content, max(begin - 1, 0)):
            return False
    if content.find(b'"', begin) < 0:
        return True
    quoted, plain = rb'"[^"]*+(?:""[^"]*+)*+"', rb'(?! *")[^%b\r\n]++' % other
    match = re.compile(rb"(?:(?:%b|%b)?+(?:%b|\r\n|\n|\r|\Z))*+" % (quoted, plain, other)).match(content, begin)
    return match is not None and match.end() == len(content)
