"""A table whose columns are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


class LazyTable:
    """Stands for a `pyarrow.Table` of which most readers need a few columns only; each is read once.

    Rows can be taken before any column is read. Whatever else a table offers is that of the whole table, read for it.

    Args:
        column_names: the names of its columns, in their order.
        num_rows: how many rows it has.
        read: a name to its column.
    """

    def __init__(self, column_names: Sequence[str], num_rows: int, read: Callable[[str], pa.ChunkedArray]) -> None:
        self.column_names, self.num_rows, self._read = list(column_names), num_rows, read
        self._columns: dict[str, pa.ChunkedArray] = {}

    def __len__(self) -> int:
        return self.num_rows

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.whole, name)

    def __eq__(self, other: object) -> bool:
        return bool(self.whole == (other.whole if isinstance(other, LazyTable) else other))

    def equals(self, other: Any, **options: Any) -> bool:
        """Whether another table holds the same."""
        return bool(self.whole.equals(other.whole if isinstance(other, LazyTable) else other, **options))

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The table for whoever reads Arrow, such as `pyarrow.table` and pandas."""
        return self.whole.__arrow_c_stream__(requested_schema)

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def whole(self) -> pa.Table:
        """The table with all of its columns."""
        import pyarrow as pa

        return pa.table([self.column(name) for name in self.column_names], names=self.column_names)

    def column(self, name: str) -> pa.ChunkedArray:
        """A column. Raises KeyError."""
        if name not in self._columns:
            if name not in self.column_names:
                raise KeyError(f"the table has no column {name!r}")
            self._columns[name] = self._read(name)
        return self._columns[name]

    def select(self, names: Sequence[str]) -> LazyTable:
        """The table with these columns only."""
        return LazyTable(names, self.num_rows, self.column)

    def take(self, rows: Any) -> LazyTable:
        """The rows at these positions."""
        return LazyTable(self.column_names, len(rows), lambda name: self.column(name).take(rows))

    def slice(self, offset: int = 0, length: int | None = None) -> LazyTable:
        """Neighbouring rows."""
        most = max(0, self.num_rows - offset)
        n = most if length is None else min(length, most)
        return LazyTable(self.column_names, n, lambda name: self.column(name).slice(offset, n))
