"""Features that the task left beside the records of a cell, found by the label of their extractor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness.api import Records


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array on disk; two of these are equal if nothing has been written in between, so it can key a cache."""

    path: Path
    modified_ns: int
    size: int

    @classmethod
    def of(cls, records: Records, of: Literal["generated", "reference", "train"], label: str) -> StoredArray:
        """The features of one set of the cell.

        Raises:
            KeyError: the task left no such array.
        """
        path = None if records.folder is None else records.folder / "artifacts" / f"{of}_{label}.npy"
        if path is None or not path.is_file():
            raise KeyError(f"the cell left no array '{of}_{label}'")
        stat = path.stat()
        return cls(path, stat.st_mtime_ns, stat.st_size)

    def load(self) -> npt.NDArray[Any]:
        """The array, mapped into memory so that no copy of it is held."""
        array: npt.NDArray[Any] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        return array


def label_of(records: Records, features: str | None) -> str:
    """The label of the extractor asked for, or of the task's first.

    Raises:
        ValueError: the task has no extractor of that label, or none at all.
    """
    known = list(records.protocol.get("features") or {})
    if not known:
        raise ValueError("the cell has no features; give the task an extractor")
    if features is not None and features not in known:
        raise ValueError(f"the task has no features {features!r}; it has {', '.join(known)}")
    return known[0] if features is None else features
