"""Tables that fit the width of a terminal: what matters least is left out, long labels are cut, numbers stay whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile

from harness.escaping import on_a_line

GAP = 2
"""Blanks between two columns."""
_KEPT_OF_A_LABEL, _LEAST_OF_A_LABEL = 24, 8
NEVER = 1_000
"""The rank of a column that is never left out."""

Style = Callable[[str], str]


@dataclass(frozen=True)
class FittedColumn:
    """A column of text.

    Attributes:
        heading: what it is called.
        cells: one for each row.
        rank: columns of the lowest rank are left out first; those of rank `NEVER` never.
        is_label: whether its texts may be cut.
        style: gives a cell its colour; must not change its width.
    """

    heading: str
    cells: Sequence[str]
    rank: int = NEVER
    is_label: bool = False
    style: Style | None = None

    @cached_property
    def width(self) -> int:
        """Columns of the terminal that it takes."""
        return max(width_of(text) for text in (self.heading, *self.cells))


def width_of(text: str) -> int:
    """How many columns of a terminal a text takes: none for marks, two for wide letters and most emoji."""
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int) -> str:
    """A text of at most this width, cut in its middle: labels that begin alike often end differently."""
    if width_of(text) <= width:
        return text
    end = max((width - 1) // 3, 0)
    head, tail = _prefix(text, width - 1 - end), _prefix(text[::-1], end)[::-1]
    return f"{head}…{tail}"


def cut_apart(texts: Sequence[str], width: int) -> list[str]:
    """Texts of at most this width; those that would look the same are cut at their common beginning, by whole words."""
    cuts = {text: cut(text, width) for text in texts}
    for alike in _groups(cuts):
        start = re.sub(r"[^\s:=/,]*$", "", _common_start(alike))
        if start:
            cuts |= {text: cut(f"…{text[len(start) :]}", width) for text in alike}
    return [cuts[text] for text in texts]


def _common_start(texts: Sequence[str]) -> str:
    columns = takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False))
    return "".join(letters[0] for letters in columns)


def _groups(cuts: Mapping[str, str]) -> list[list[str]]:
    """The texts that are cut to the same."""
    groups: dict[str, list[str]] = {}
    for text, short in cuts.items():
        groups.setdefault(short, []).append(text)
    return [texts for texts in groups.values() if len(texts) > 1]


def _prefix(text: str, width: int) -> str:
    taken, used = "", 0
    for letter in text:
        used += width_of(letter)
        if used > width:
            break
        taken += letter
    return taken


def folded(text: str, width: int, indent: str = "") -> str:
    """A text broken at blanks to lines of at most this width; a word longer than a line is cut."""
    lines, line = [], ""
    for sign in "=<≤":
        text = text.replace(f" {sign} ", f"\N{NO-BREAK SPACE}{sign}\N{NO-BREAK SPACE}")
    for word in (cut(word, width - GAP - len(indent)) for word in text.split(" ")):
        if line and width_of(f"{line} {word}") > width:
            lines.append(line)
            line = f"{indent}  {word}"
        else:
            line = f"{line} {word}" if line else f"{indent}{word}"
    return "\n".join([*lines, line]).replace("\N{NO-BREAK SPACE}", " ")


def fitted(columns: Sequence[FittedColumn], width: int) -> tuple[str, list[str]]:
    """Return a table of at most this width, as far as columns that must stay allow, and the headings left out.

    First columns of rank 0 go, then labels are cut to a length that can be read, then columns of higher ranks go, the
    last first, then labels are cut further.
    """
    columns = [
        replace(column, heading=on_a_line(column.heading), cells=[on_a_line(cell) for cell in column.cells])
        for column in columns
    ]
    kept, left_out = list(columns), list[str]()
    _drop(kept, left_out, width, lambda column: column.rank <= 0)
    kept = _cut_labels(kept, width, _KEPT_OF_A_LABEL)
    _drop(kept, left_out, width, lambda column: column.rank < NEVER)
    kept = _cut_labels(kept, width, _LEAST_OF_A_LABEL)
    order = [column.heading for column in columns]
    return _table(kept), sorted(left_out, key=order.index)


def _total(columns: Sequence[FittedColumn]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def _drop(kept: list[FittedColumn], left_out: list[str], width: int, may_go: Callable[[FittedColumn], bool]) -> None:
    while _total(kept) > width:
        candidates = [column for column in kept if may_go(column)]
        if not candidates:
            return
        lowest = min(column.rank for column in candidates)
        last = next(column for column in reversed(candidates) if column.rank == lowest)
        kept.remove(last)
        left_out.append(last.heading)


def _cut_labels(columns: Sequence[FittedColumn], width: int, least: int) -> list[FittedColumn]:
    """The columns with the widest labels cut, a column of the terminal at a time, until all fit or none is longer."""
    widths = [column.width for column in columns]
    room = width - GAP * (len(columns) - 1)
    while sum(widths) > room:
        wide = [i for i, column in enumerate(columns) if column.is_label and widths[i] > least]
        if not wide:
            break
        widths[max(wide, key=widths.__getitem__)] -= 1
    return [
        replace(column, heading=cut(column.heading, w), cells=cut_apart(column.cells, w))
        for column, w in zip(columns, widths, strict=True)
    ]


def _table(columns: Sequence[FittedColumn]) -> str:
    """The columns beside each other, as tabulate's layout "simple"."""
    if not columns:
        return ""
    head = [_padded(column.heading, column.width) for column in columns]
    rule = ["-" * column.width for column in columns]
    body = [[_styled(column, i) for column in columns] for i in range(max(len(column.cells) for column in columns))]
    return "\n".join((" " * GAP).join(line).rstrip() for line in (head, rule, *body))


def _padded(text: str, width: int) -> str:
    return text + " " * (width - width_of(text))


def _styled(column: FittedColumn, i: int) -> str:
    text = column.cells[i]
    blanks = " " * (column.width - width_of(text))
    return (column.style(text) if column.style and text else text) + blanks
