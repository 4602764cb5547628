"""Records: what happened to each example of a cell, as a column table that metrics read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.contract.errors import InvalidOutput

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True)
class Records:
    """The record table of one cell, its artifacts and its protocol.

    Attributes:
        table: a `pyarrow.Table` with one row per example and at least the column `id`.
        protocol: what the task says must be equal before two numbers may be compared, e.g. the threat model.
        folder: where the artifacts of the cell lie; None for records made in memory.
        n_missing: rows left out by `without_missing`.
    """

    table: pa.Table
    protocol: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    n_missing: int = 0

    @classmethod
    def of(cls, columns: Mapping[str, Any], **protocol: Any) -> Records:
        """Records from columns in memory, for tests and for scoring what did not come from a cell."""
        import pyarrow as pa

        return cls(pa.table({name: pa.array(values) for name, values in columns.items()}), protocol)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __contains__(self, name: str) -> bool:
        """Whether the column exists and holds any value."""
        return name in self.table.column_names and self.table.column(name).null_count < len(self)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """A column without missing values, as an array `[n]`, or `[n, d]` for a column of vectors.

        Raises:
            KeyError: there is no such column.
            ValueError: the column has missing values; call `without_missing` first and say so in the estimate.
        """
        column = self._column(name)
        if column.null_count:
            raise ValueError(f"column {name!r} misses {column.null_count} of {len(self)} values")
        import pyarrow as pa

        if pa.types.is_fixed_size_list(column.type):
            flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
            return np.asarray(flat).reshape(len(self), column.type.list_size)
        return np.asarray(column.to_numpy())

    def floats(self, name: str) -> npt.NDArray[np.float64]:
        """A column of numbers or truth values as `[n]` float64, NaN where a value is missing.

        Raises:
            KeyError: there is no such column.
            InvalidOutput: it holds texts: what looks like numbers there may be names.
        """
        import pyarrow as pa

        column = self._column(name)
        if pa.types.is_string(column.type):
            raise InvalidOutput(
                f"the column {name!r} holds texts, not numbers; of a table declare it as "
                f"`keep: {{{name}: {{column: ..., type: number}}}}`"
            )
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)

    def _column(self, name: str) -> pa.ChunkedArray:
        if name not in self.table.column_names:
            raise KeyError(f"records have no column {name!r}; they have {', '.join(self.table.column_names)}")
        return self.table.column(name)

    def without_missing(self, *names: str) -> Records:
        """The rows in which all named columns have a value; the rest is counted in `n_missing`."""
        keep = np.ones(len(self), dtype=bool)
        for name in names:
            keep &= np.asarray(self.table.column(name).is_valid().to_numpy(), dtype=bool)
        kept = self.where(keep)
        return replace(kept, n_missing=self.n_missing + int((~keep).sum()))

    def where(self, mask: npt.NDArray[np.bool_] | Sequence[bool]) -> Records:
        """The rows where the mask is true."""
        import pyarrow as pa

        return replace(self, table=self.table.filter(pa.array(np.asarray(mask, dtype=bool))))

    def artifact(self, name: str) -> npt.NDArray[Any]:
        """An array that the task left beside the records.

        Raises:
            KeyError: there is no such array.
        """
        path = None if self.folder is None else self.folder / "artifacts" / f"{name}.npy"
        if path is None or not path.is_file():
            raise KeyError(f"the cell left no array {name!r}")
        return np.asarray(np.load(path, allow_pickle=False))

    def frame(self) -> pd.DataFrame:
        """The table as a pandas DataFrame."""
        return self.table.to_pandas()
