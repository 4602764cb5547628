"""Alignment of the rows of two runs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.contract.cells import TREATMENTS
from harness.contract.errors import UsageError
from harness.contract.rows import Row
from harness.results.comparison.comparability import differing_fields

KeyOf = Callable[[Row, bool], Hashable]


@dataclass(frozen=True)
class Pair:
    """Two rows that belong together; one of them may be missing."""

    a: Row | None
    b: Row | None


def align(a: Sequence[Row], b: Sequence[Row], renamed: Mapping[str, str], *, only_renamed: bool) -> list[Pair]:
    """Return the rows that belong together, in the order of A, then the rows of B that are left.

    Rows pair up by experiment, labels of all roles and seed; several of the same labels (such as worst cases
    under several threats) by how little they differ. What is left pairs up by experiment, seed, labels of model
    and data, and the component of the treatment, in order. Where each side has a single experiment, its name does
    not count, since it may be that of the suite.

    Args:
        a, b: the rows.
        renamed: label of A to the label that is meant in B. A row of A whose labels a renamed row takes over is
            left out.
        only_renamed: only rows of A with a renamed label take part.
    """
    single = len({row.experiment for row in a}) <= 1 and len({row.experiment for row in b}) <= 1
    taking_part = _renamed(a, renamed, only_renamed)
    left = dict(enumerate(b))
    partner: dict[int, int] = {}
    for key_of, match in ((_same_labels, _closest), (_same_component, _in_order)):
        alone = {i: row for i, row in taking_part.items() if i not in partner}
        candidates = _grouped(left, key_of, single)
        for key, ones in _grouped(alone, key_of, single).items():
            partner |= match(ones, candidates.get(key, []), a, b)
        taken = set(partner.values())
        left = {j: row for j, row in left.items() if j not in taken}
    pairs = [Pair(a[i], b[partner[i]] if i in partner else None) for i in sorted(taking_part)]
    return [*pairs, *(Pair(None, row) for row in left.values() if not only_renamed)]


def _grouped(rows: Mapping[int, Row], key_of: KeyOf, single: bool) -> dict[Hashable, list[int]]:
    """Return the positions of rows by their key."""
    groups: dict[Hashable, list[int]] = {}
    for i, row in rows.items():
        groups.setdefault(key_of(row, single), []).append(i)
    return groups


def parse_renaming(texts: Sequence[str], a: Sequence[Row], b: Sequence[Row]) -> dict[str, str]:
    """Parse texts `OLD=NEW` into label of A to label of B; labels may hold an equals sign themselves.

    Raises:
        UsageError: a text that does not name a label of A and one of B.
    """
    known_a, known_b = _labels(a), _labels(b)
    renaming: dict[str, str] = {}
    for text in texts:
        parts = text.split("=")
        splits = [("=".join(parts[:i]), "=".join(parts[i:])) for i in range(1, len(parts))]
        if not splits:
            raise UsageError(f"--pair {text!r}: write OLD=NEW, a label of A and the label of B it stands for")
        meant = [(old, new) for old, new in splits if old in known_a and new in known_b]
        if not meant:
            old, new = next((split for split in splits if split[0] in known_a), splits[0])
            side, label, names = ("B", new, known_b) if old in known_a else ("A", old, known_a)
            raise UsageError(f"--pair {text!r}: no row of {side} is labelled {label!r}; labels: {', '.join(names)}")
        renaming |= dict(meant[:1])
    return renaming


def _labels(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(label for row in rows for label in row.labels.values()))


def _renamed(rows: Sequence[Row], renamed: Mapping[str, str], only: bool) -> dict[int, Row]:
    """Position to row with its labels renamed, of the rows that take part."""
    changed = {i: _rename(row, renamed) for i, row in enumerate(rows) if set(row.labels.values()) & set(renamed)}
    if only:
        return changed
    taken = {_same_labels(row, False) for row in changed.values()}
    rest = {i: row for i, row in enumerate(rows) if i not in changed and _same_labels(row, False) not in taken}
    return {**changed, **rest}


def _rename(row: Row, renamed: Mapping[str, str]) -> Row:
    return replace(row, labels={role: renamed.get(label, label) for role, label in row.labels.items()})


def _same_labels(row: Row, single: bool) -> Hashable:
    return ("" if single else row.experiment, row.derived, tuple(sorted(row.labels.items())), row.seed)


def _same_component(row: Row, single: bool) -> Hashable:
    treatments = tuple(_treatment(row, role) for role in TREATMENTS)
    labels = (row.labels.get("model", ""), row.labels.get("data", ""))
    return ("" if single else row.experiment, row.derived, row.seed, labels, treatments)


def _treatment(row: Row, role: str) -> tuple[str, str]:
    """The qualified name of a treatment and its label without swept values."""
    used: Any = row.components.get(role)
    label = row.labels.get(role, "")
    if not isinstance(used, Mapping):
        return "", label
    starts = [start for name in used.get("parameters", ()) if (start := label.find(f" {name}=")) >= 0]
    return str(used.get("name", "")), label[: min(starts, default=len(label))]


def _in_order(ones: Sequence[int], others: Sequence[int], a: Sequence[Row], b: Sequence[Row]) -> dict[int, int]:
    return dict(zip(ones, others, strict=False))


def _closest(ones: Sequence[int], others: Sequence[int], a: Sequence[Row], b: Sequence[Row]) -> dict[int, int]:
    """Pairs with the fewest differing fields first, in order among equals."""
    if len(ones) == len(others) == 1:
        return {ones[0]: others[0]}
    distances = [(len(differing_fields(a[i], b[j])), i, j) for i, j in itertools.product(ones, others)]
    partners: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(distances):
        if i not in partners and j not in taken:
            partners[i] = j
            taken.add(j)
    return partners
