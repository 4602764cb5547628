"""Names in headlines: labels cut to what a line holds, kept in their reading direction, and what else a row is."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from harness.contract.cells import SHOWN_LABELS
from harness.contract.rows import Row
from harness.escaping import on_a_line
from harness.results.headline.headline import BETWEEN, HeadlineRow
from harness.results.table import display_text, name_of

MAX_LABEL = 40
"""Characters of a label in a sentence."""
_ISOLATE, _END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


def shortened(label: str, length: int = MAX_LABEL) -> str:
    """Return a label on one line, cut in its middle, since labels that begin alike often end differently."""
    text = " ".join(label.split())
    if len(text) <= length:
        return text
    end = length // 3
    return f"{text[: length - end - 1]}…{text[len(text) - end :]}"


def isolated_text(label: str) -> str:
    """A label that is read from right to left set apart, so that the numbers beside it keep their order."""
    is_reversed = any(unicodedata.bidirectional(c) in ("R", "AL") for c in label)
    return f"{_ISOLATE}{on_a_line(label)}{_END}" if is_reversed else on_a_line(label)


def label_of(row: Row, role: str) -> str:
    """The label of a role of a row, as a sentence has it."""
    labels = [row.labels[name] for name in role.split(BETWEEN) if row.labels.get(name)]
    return isolated_text(shortened(BETWEEN.join(labels) or name_of(row)))


def context_of(row: Row, role: str, shown: Sequence[HeadlineRow]) -> str:
    """What else a row is, as far as the rows of the headline differ in it: experiment, other labels, what is shown."""
    rows = [each.row for each in shown]
    parts = [row.experiment] if len({each.experiment for each in rows}) > 1 else []
    own = [each for each in rows if each.experiment == row.experiment]
    varying = [name for name in SHOWN_LABELS if len({each.labels.get(name, "") for each in own}) > 1]
    others = [name for name in varying if name not in role.split(BETWEEN)]
    labels = [row.labels[name] for name in others if row.labels.get(name, "none") != "none"]
    seeds = [f"seed {row.seeds}"] if len({each.seeds for each in own}) > 1 else []
    told = [*parts, *labels, *filter(None, [_display(row, own)]), *seeds]
    return ", ".join(isolated_text(shortened(each)) for each in told)


def _display(row: Row, rows: Sequence[Row]) -> str:
    """What the task shows of a row, such as the threat of an attack; else only where rows differ in it."""
    is_attacked = row.labels.get("attack", "none") != "none"
    return display_text(row) if is_attacked or len({display_text(each) for each in rows}) > 1 else ""


def of_row(row: Row, shown: Sequence[HeadlineRow]) -> str:
    """What a sentence calls a row."""
    labels = [row.labels[role] for role in SHOWN_LABELS if role != "data" and row.labels.get(role, "none") != "none"]
    whole = " / ".join(labels) or name_of(row)
    name = isolated_text(shortened(whole))
    several = len({each.row.experiment for each in shown}) > 1 and row.experiment != whole
    told = [*([row.experiment] if several else []), *filter(None, [display_text(row)])]
    return f"{name} ({', '.join(isolated_text(shortened(each)) for each in told)})" if told else name


def listed(names: Sequence[str], most: int, between: str = "; ") -> str:
    """Names joined, at most so many, and the number of those left out."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{between.join(names[:most])}{more}"
