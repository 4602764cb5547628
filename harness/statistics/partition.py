"""A partition of records into named groups; a missing value is refused, never given a name by the code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.contract.errors import InvalidOutput
from harness.contract.records import Records

_PREFIX = "group."


@dataclass(frozen=True)
class Partition:
    """The group that each record belongs to.

    Attributes:
        name: the name of the column, or of several joined by `*`.
        members: the names of the groups, in alphabetical order.
        of_row: `[n]`, the position in `members` of each record's group.
    """

    name: str
    members: tuple[str, ...]
    of_row: npt.NDArray[np.intp]

    @classmethod
    def of(cls, records: Records, name: str) -> Partition:
        """The groups of a column, or the combinations of several that occur, e.g. "sex*age_band".

        Raises:
            InvalidOutput: there is no such column, or records lack its value: who is left out must be decided.
        """
        columns = [each.removeprefix(_PREFIX) for each in records.table.column_names if each.startswith(_PREFIX)]
        parts = [_coded(records, part) for part in group_columns(name, columns)]
        codes, combined = parts[0][0], [(text,) for text in parts[0][1]]
        for more, names in parts[1:]:
            pairs, codes = np.unique(codes * len(names) + more, return_inverse=True)
            combined = [(*combined[pair // len(names)], names[pair % len(names)]) for pair in pairs.tolist()]
        texts = [joined_name(values) for values in combined]
        occurring = np.flatnonzero(np.bincount(codes, minlength=len(texts)))
        members = tuple(sorted({texts[i] for i in occurring}))
        numbers = {member: i for i, member in enumerate(members)}
        position = np.zeros(len(texts), dtype=np.intp)
        position[occurring] = [numbers[texts[i]] for i in occurring]
        return cls(name, members, position[codes])

    @property
    def alone(self) -> str:
        """The reason why groups cannot be compared, if all records are of one; else empty."""
        return f"all records are of one group, {self.members[0]!r}" if len(self.members) == 1 else ""

    def index(self, member: str) -> int:
        """The position of a group. Raises InvalidOutput where there is no such group."""
        if member not in self.members:
            groups = ", ".join(repr(each) for each in self.members[:20])
            raise InvalidOutput(f"{self.name!r} has no group {member!r}; it has {groups}")
        return self.members.index(member)


def group_columns(name: str, columns: Sequence[str]) -> list[str]:
    """The columns that a grouping names: one, or several joined by `*`.

    Raises:
        InvalidOutput: a column has the name of a combination of others.
    """
    parts = [part.strip() for part in name.split("*")]
    if name not in columns or len(parts) == 1:
        return parts
    if set(parts) <= set(columns):
        raise InvalidOutput(f"{name!r} is a group column and the combination of {', '.join(parts)}; rename the column")
    return [name]


def joined_name(values: Sequence[str]) -> str:
    """The name of a combination of values, such as "f, young"; values with commas stand in quotes to stay apart."""
    if len(values) == 1:
        return values[0]
    return ", ".join('"{}"'.format(v.replace('"', '""')) if "," in v or '"' in v else v for v in values)


def _coded(records: Records, part: str) -> tuple[npt.NDArray[np.intp], list[str]]:
    """Codes `[n]` and the text of each code."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = _PREFIX + part
    if column not in records.table.column_names:
        parts = [each.removeprefix(_PREFIX) for each in records.table.column_names if each.startswith(_PREFIX)]
        raise InvalidOutput(f"the data have no group column {part!r}; they have {', '.join(parts) or 'none'}")
    values = records.table.column(column)
    missing = pc.is_null(values, nan_is_null=True)
    n_missing = pc.sum(missing).as_py() or 0
    if n_missing:
        first = records.table.column("id").filter(missing)[0].as_py()
        raise InvalidOutput(
            f"{n_missing} of {len(records)} examples have no {part!r}, first {first!r}; give them a value of "
            "their own, such as 'unknown', or leave them out of the data"
        )
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    encoded = values.combine_chunks()
    codes = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.intp)
    return codes, [_text(value) for value in encoded.dictionary.to_pylist()]


def _text(value: Any) -> str:
    # With all digits: shortened, two numbers would be one group.
    return str(int(value) if value.is_integer() else value) if isinstance(value, float) else str(value)
