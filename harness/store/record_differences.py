"""How two measurements of one cell differ, example by example: not at all, within round-off, or by more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.contract.records import Records

if TYPE_CHECKING:
    import pyarrow as pa

TIMINGS = frozenset({"seconds", "batch"})
"""Record columns that say how long something took and together with what."""
TOLERANCE = 1e-5
"""Relative and absolute difference of two numbers that float32 arithmetic in another order can make."""
CLOSE_CALL = 1e-3
"""An example whose margin is smaller than this may change its outcome by round-off alone."""
_MARGIN = "margin"
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class RecordDifferences:
    """How the records of a second measurement differ from those of the first.

    Attributes:
        n: number of examples.
        examples: ids of those that differ in any bit.
        beyond: ids of those that differ by more than round-off.
        columns: the columns that differ, each with its largest difference; None for what is no number.
        mismatch: why they cannot be compared example by example; empty if they can.
    """

    n: int
    examples: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    columns: Mapping[str, float | None] = field(default_factory=dict)
    mismatch: str = ""

    @property
    def largest(self) -> float | None:
        """The largest difference of two numbers; None if no number differs."""
        return max((value for value in self.columns.values() if value is not None), default=None)


def record_differences(
    one: Records, two: Records, *, tolerance: float = TOLERANCE, margins: Sequence[str] | None = None
) -> RecordDifferences:
    """Compare the records of two measurements of one cell; how long they took is no part of what was measured.

    Numbers may differ by the tolerance. What is no number, such as a prediction, may differ only for an example whose
    margin is a close call in both: then round-off decides it.

    Args:
        one, two: the records.
        tolerance: relative and absolute.
        margins: columns that say how far an example is from another outcome, of which the first that is there counts;
            None for every column called `margin` or `..._margin`.
    """
    names, others = one.table.column_names, two.table.column_names
    if names != others:
        return RecordDifferences(len(one), mismatch=f"the columns differ: {', '.join(sorted({*names} ^ {*others}))}")
    ids = [str(name) for name in one["id"]]
    if ids != [str(name) for name in two["id"]]:
        return RecordDifferences(len(one), mismatch="the ids differ")
    close = _close_calls(one, two, _margins(names, margins))
    differ, beyond, columns = np.zeros(len(one), bool), np.zeros(len(one), bool), dict[str, float | None]()
    for name in names:
        if name in TIMINGS:
            continue
        changed, far, largest = _of_column(one.table.column(name), two.table.column(name), tolerance)
        if changed.any():
            columns[name] = largest
            differ |= changed
            beyond |= far & ~close if largest is None else far
    return RecordDifferences(len(one), _named(ids, differ), _named(ids, beyond), columns)


def _named(ids: Sequence[str], mask: Mask) -> tuple[str, ...]:
    return tuple(ids[i] for i in np.flatnonzero(mask).tolist())


def _margins(names: Sequence[str], asked: Sequence[str] | None) -> list[str]:
    if asked is None:
        return [name for name in names if name == _MARGIN or name.endswith(f"_{_MARGIN}")]
    return [name for name in asked if name in names][:1]


def _close_calls(one: Records, two: Records, margins: Sequence[str]) -> Mask:
    """The examples that are near to another outcome in both measurements."""
    close = np.zeros(len(one), bool)
    for name in margins:
        both = [np.abs(records.floats(name)) < CLOSE_CALL for records in (one, two)]
        close |= both[0] & both[1]
    return close


def _of_column(one: pa.ChunkedArray, two: pa.ChunkedArray, tolerance: float) -> tuple[Mask, Mask, float | None]:
    """`[n]` which values differ in any bit, `[n]` which by more than round-off, and the largest difference."""
    left, right = _numbers(one), _numbers(two)
    if left is None or right is None or left.shape != right.shape or left.dtype != right.dtype:
        pairs = list(zip(one.to_pylist(), two.to_pylist(), strict=True))
        changed = np.array([a != b for a, b in pairs], bool)
        far = np.array([not _is_close(a, b, tolerance) for a, b in pairs], bool)
        return changed, far, max(_gaps(pairs), default=0.0) if _are_numbers(pairs) else None
    bits = np.dtype(f"u{left.dtype.itemsize}")
    changed = (left.view(bits) != right.view(bits)).any(axis=1)
    far = ~np.isclose(left, right, rtol=tolerance, atol=tolerance, equal_nan=True).all(axis=1)
    with np.errstate(invalid="ignore"):
        gaps = np.where(left == right, 0.0, np.abs(left.astype(np.float64) - right.astype(np.float64)))
    return changed, far, float(np.nanmax(gaps, initial=0.0))


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[Any] | None:
    """A column of floating-point numbers, or of vectors of them, as `[n, d]`; None for any other."""
    import pyarrow as pa

    is_vector = pa.types.is_fixed_size_list(column.type)
    if not pa.types.is_floating(column.type.value_type if is_vector else column.type):
        return None
    if is_vector and column.null_count:
        return None
    flat = (column.combine_chunks().flatten() if is_vector else column).to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(np.asarray(flat).reshape(len(column), -1))


def _is_close(a: object, b: object, tolerance: float) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return bool(np.isclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_is_close(x, y, tolerance) for x, y in zip(a, b, strict=True))
    return a == b


def _are_numbers(pairs: Sequence[tuple[object, object]]) -> bool:
    """Whether what differs are lists of numbers of equal lengths, so that a largest difference says all."""
    different = [(a, b) for a, b in pairs if a != b]
    return bool(different) and all(
        isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and all(isinstance(x, float) for x in (*a, *b))
        for a, b in different
    )


def _gaps(pairs: Sequence[tuple[Any, Any]]) -> Iterator[float]:
    return (abs(x - y) for a, b in pairs if a != b for x, y in zip(a, b, strict=True) if x != y)
