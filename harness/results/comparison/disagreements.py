"""Which examples only one side of a comparison gets wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.contract.records import Records
from harness.png import data_uri, pixels, png
from harness.results.comparison.compare import Side
from harness.results.comparison.compared import Compared, Comparison

MAX_EXAMPLES = 24
"""Examples that are shown of each side of a disagreement."""
MAX_DISAGREEMENTS = 30
_MAX_LETTERS = 400
_GROUP = "group."
_PICTURES = ("hardest_rows", "hardest_clean")
# Other numbers of a record, such as costs and losses, do not tell a reader what happened.
_NUMBERS = ("confidence", "score")

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Example:
    """An example that one side gets wrong and the other right.

    Attributes:
        id: the id of the example.
        facts: what the records of both sides say of it: heading, and the text of A and of B.
        picture: the input as a data URI, where a side stored it; else empty.
    """

    id: str
    facts: tuple[tuple[str, str, str], ...]
    picture: str


@dataclass(frozen=True)
class GroupCounts:
    """How many examples of a group only A and only B gets wrong, and how many there are."""

    name: str
    only_a: int
    only_b: int
    n: int


@dataclass(frozen=True)
class Disagreement:
    """The examples of a pair of rows that one side gets right and the other wrong.

    Attributes:
        entry: the metric that says what is right, and its rows.
        only_a, only_b: examples that only A or only B gets wrong, at most `MAX_EXAMPLES`.
        n_only_a, n_only_b: how many there are.
        n_both, n_neither: how many both or neither gets wrong.
        groups: the counts of every group.
        also: how many other rows disagree about exactly these examples.
    """

    entry: Compared
    only_a: tuple[Example, ...]
    only_b: tuple[Example, ...]
    n_only_a: int
    n_only_b: int
    n_both: int
    n_neither: int
    groups: tuple[GroupCounts, ...]
    also: int = 0


@dataclass(frozen=True)
class _Counted:
    """A metric that says of each example whether it is right: which examples each side gets wrong `[n]`."""

    entry: Compared
    ids: Sequence[str]
    a: Flags
    b: Flags

    @property
    def size(self) -> int:
        """On how many examples the sides disagree."""
        return int((self.a != self.b).sum())

    @property
    def about(self) -> tuple[object, ...]:
        """The examples that the sides disagree about, and who they are."""
        names = (self.entry.a.labels.get("model"), self.entry.b.labels.get("model") if self.entry.b else None)
        places = np.flatnonzero(self.a != self.b).tolist()
        return *names, tuple((self.ids[i], bool(self.a[i])) for i in places)


def disagreements(
    comparison: Comparison, a: Side, b: Side, redact: Callable[[str], str]
) -> tuple[list[Disagreement], int]:
    """Return the disagreements of both sides, largest first, and how many more there are.

    A metric takes part if its value of each example is 0 or 1 and its direction is known.

    Args:
        comparison: of both sides.
        a, b: the sides.
        redact: what is shown instead of a text.
    """
    by_examples: dict[tuple[object, ...], list[_Counted]] = {}
    for counted in filter(None, (_counted(entry, a, b) for entry in comparison.compared)):
        if counted.size:
            by_examples.setdefault(counted.about, []).append(counted)
    ranked = sorted(by_examples.values(), key=lambda same: -same[0].size)
    shown = [_disagreement(same[0], len(same) - 1, a, b, redact) for same in ranked[:MAX_DISAGREEMENTS]]
    return shown, len(ranked) - len(shown)


def _counted(entry: Compared, a: Side, b: Side) -> _Counted | None:
    if entry.b is None or entry.difference is None or entry.facts.direction not in ("max", "min"):
        return None
    first, second = a.values(entry.a, entry.metric), b.values(entry.b, entry.metric)
    if first is None or second is None or set(first.ids) != set(second.ids):
        return None
    position = {name: i for i, name in enumerate(second.ids)}
    ours, theirs = first.values, second.values[[position[name] for name in first.ids]]
    counts = ~(np.isnan(ours) | np.isnan(theirs))
    if not (np.isin(ours[counts], (0.0, 1.0)).all() and np.isin(theirs[counts], (0.0, 1.0)).all()):
        return None
    wrong = 0.0 if entry.facts.direction == "max" else 1.0
    ids = [name for name, counted in zip(first.ids, counts, strict=True) if counted]
    return _Counted(entry, ids, ours[counts] == wrong, theirs[counts] == wrong)


def _disagreement(counted: _Counted, also: int, a: Side, b: Side, redact: Callable[[str], str]) -> Disagreement:
    entry = counted.entry
    records = (a.records(entry.a), None if entry.b is None else b.records(entry.b))
    known = [_by_id(each) for each in records]
    only_a, only_b = counted.a & ~counted.b, counted.b & ~counted.a

    def examples(mask: Flags) -> tuple[Example, ...]:
        names = [counted.ids[i] for i in np.flatnonzero(mask)[:MAX_EXAMPLES]]
        return tuple(_example(name, known, records, redact) for name in names)

    return Disagreement(
        entry,
        examples(only_a),
        examples(only_b),
        n_only_a=int(only_a.sum()),
        n_only_b=int(only_b.sum()),
        n_both=int((counted.a & counted.b).sum()),
        n_neither=int((~(counted.a | counted.b)).sum()),
        groups=tuple(_groups(counted, only_a, only_b, records[0], redact)),
        also=also,
    )


def _by_id(records: Records | None) -> Mapping[str, int]:
    return {} if records is None else {str(name): i for i, name in enumerate(records["id"])}


def _example(
    name: str,
    known: Sequence[Mapping[str, int]],
    records: Sequence[Records | None],
    redact: Callable[[str], str],
) -> Example:
    facts = [
        {} if one is None or name not in places else _facts(one, places[name])
        for one, places in zip(records, known, strict=True)
    ]
    told = [{heading: _short(redact(text)) for heading, text in of.items()} for of in facts]
    headings = dict.fromkeys([*told[0], *told[1]])
    texts = tuple((name.replace("_", " "), told[0].get(name, ""), told[1].get(name, "")) for name in headings)
    picture = next(
        (p for one, places in zip(records, known, strict=True) if (p := _picture(one, places.get(name)))), ""
    )
    return Example(_short(redact(name)), texts, picture)


def _facts(records: Records, place: int) -> dict[str, str]:
    """What a record says that a reader can use: texts, classes, groups, answers, confidences."""
    row = records.table.slice(place, 1).to_pylist()[0]
    return {heading: _text(value) for heading, value in row.items() if heading != "id" and _is_told(heading, value)}


def _is_told(heading: str, value: Any) -> bool:
    if value is None or isinstance(value, (list, dict, bytes)):
        return False
    return not isinstance(value, float) or heading.endswith(_NUMBERS)


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _short(text: str) -> str:
    return text if len(text) <= _MAX_LETTERS else f"{text[:_MAX_LETTERS]}…"


def _picture(records: Records | None, place: int | None) -> str:
    """The input of an example that its task kept as one of its hardest; empty for others."""
    if records is None or place is None:
        return ""
    try:
        rows, images = (records.artifact(name) for name in _PICTURES)
    except (KeyError, OSError, ValueError):
        return ""
    match = np.flatnonzero(rows == place).tolist() if rows.ndim == 1 else []
    if not match or images.ndim != 4 or images.shape[1] not in (1, 3) or not np.isfinite(images).all():
        return ""
    image = images[match[0]].astype(np.float64)
    return data_uri(png(pixels(image, min(0.0, float(image.min())), max(1.0, float(image.max())))))


def _groups(
    counted: _Counted, only_a: Flags, only_b: Flags, records: Records | None, redact: Callable[[str], str]
) -> Iterator[GroupCounts]:
    if records is None:
        return
    place = _by_id(records)
    for column in (name for name in records.table.column_names if name.startswith(_GROUP)):
        values = records.table.column(column).to_pylist()
        of_example = np.array([str(values[place[name]]) for name in counted.ids])
        for group in dict.fromkeys(sorted(of_example)):
            inside = of_example == group
            title = f"{column.removeprefix(_GROUP)}: {_short(redact(group))}"
            yield GroupCounts(title, int((only_a & inside).sum()), int((only_b & inside).sum()), int(inside.sum()))
