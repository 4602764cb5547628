"""The digests of the examples of a dataset: of their content, groups and facts, and of their ids."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from harness.contract.cells import digest
from harness.contract.data import Dataset, ReadAnew
from harness.contract.texts import Texts
from harness.instruments.late_torch import is_tensor

_EXAMPLES_PER_BLOCK, _EXAMPLES_PER_TAKE = 256, 4096
_BYTES_PER_TAKE = 2**26


def data_facts(data: Dataset) -> dict[str, Any]:
    """The digests of the examples a cell uses: content, groups and facts in one, ids in the other."""
    hasher = _begun(data)
    for n, columns in _taken(data):
        for piece in _pieces_of(columns, n):
            hasher.update(piece)
    return {"digest": hasher.hexdigest(), "ids": _digest_of_ids(data.ids), "n": len(data.ids)}


def document_facts(data: Dataset, outputs: Collection[str]) -> dict[str, Any]:
    """The digests of the examples without the columns that hold outputs under comparison, and of each other column.

    So the outputs of two systems over the same documents are compared, and documents that differ are told by column.
    """
    of_columns: dict[str, Any] = {}
    for n, columns in _taken(data):
        for name in sorted(columns.keys() - set(outputs)):
            hasher = of_columns.setdefault(name, hashlib.sha256())
            for piece in _pieces_of({name: columns[name]}, n):
                hasher.update(piece)
    digests = {name: hasher.hexdigest() for name, hasher in sorted(of_columns.items())}
    whole = _begun(data)
    whole.update(json.dumps(digests).encode())
    return {"digest": whole.hexdigest(), "ids": _digest_of_ids(data.ids), "n": len(data.ids), "columns": digests}


def held_facts(data: Dataset) -> dict[str, Any] | None:
    """The digests of what a dataset holds that reads its examples anew at every take; None of any other.

    Whatever a cell does to such examples, the next take has them as they were: hashing them once more would only read
    all of them once more.
    """
    if not (isinstance(data, ReadAnew) and data.reads_anew):
        return None
    return {"held": _begun(data).hexdigest(), "ids": _digest_of_ids(data.ids), "n": len(data.ids)}


def _begun(data: Dataset) -> Any:
    """The hash of the facts and groups."""
    hasher = hashlib.sha256(json.dumps(dict(data.facts), sort_keys=True, default=str).encode())
    for name, group in sorted(data.groups.items()):
        hasher.update(f"group.{name}".encode())
        for piece in _pieces(group):
            hasher.update(piece)
    return hasher


def _taken(data: Dataset) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The columns of so many examples, whole blocks after the other, more of them where they are small."""
    n, start, size = len(data.ids), 0, _EXAMPLES_PER_BLOCK
    while start < n:
        columns = data.take(range(start, min(n, start + size)))
        yield min(n - start, size), columns
        start += size
        size = _fitting(columns, min(size, n))


def _pieces_of(columns: Mapping[str, Any], n: int) -> Iterator[bytes]:
    """The name and content of each column as bytes to hash, for 256 examples after the other."""
    whole = _whole_blocks(columns)
    if whole:
        yield _packed(columns, whole)
    for first in range(whole * _EXAMPLES_PER_BLOCK, n, _EXAMPLES_PER_BLOCK):
        for name in sorted(columns):
            yield name.encode()
            yield from _pieces(columns[name][first : first + _EXAMPLES_PER_BLOCK])


def _whole_blocks(columns: Mapping[str, Any]) -> int:
    """How many blocks have all their examples in arrays, which are laid out all at once; 0 for other columns."""
    arrays = [column for column in columns.values() if isinstance(column, np.ndarray) and column.dtype != object]
    return min(map(len, arrays), default=0) // _EXAMPLES_PER_BLOCK if len(arrays) == len(columns) else 0


def _packed(columns: Mapping[str, Any], blocks: int) -> bytes:
    """What the first blocks of some arrays are hashed as: of each block the name, type and bytes of each column."""
    parts = []
    for name in sorted(columns):
        column = columns[name]
        head = np.frombuffer(name.encode() + _header(column.dtype, column.shape[1:]), np.uint8)
        content = np.frombuffer(column[: blocks * _EXAMPLES_PER_BLOCK].tobytes(), np.uint8)
        parts += [np.broadcast_to(head, (blocks, len(head))), content.reshape(blocks, len(content) // blocks)]
    return np.concatenate(parts, axis=1).tobytes()


def _fitting(columns: Mapping[str, Any], taken: int) -> int:
    """How many examples to take at once, whole blocks, by the bytes of the arrays of those that were taken."""
    each = max(1, sum(int(getattr(column, "nbytes", 0)) for column in columns.values()) // taken)
    blocks = _BYTES_PER_TAKE // (each * _EXAMPLES_PER_BLOCK)
    return _EXAMPLES_PER_BLOCK * min(max(1, blocks), _EXAMPLES_PER_TAKE // _EXAMPLES_PER_BLOCK)


def _digest_of_ids(ids: Sequence[str]) -> str:
    if not isinstance(ids, Texts):
        return digest(list(ids))
    hasher = hashlib.sha256()
    for piece in ids.json(",", ascii_only=False):
        hasher.update(piece.encode())
    return hasher.hexdigest()


def _pieces(column: Any) -> Iterator[bytes]:
    """The content of a column as bytes to hash."""
    if isinstance(column, Texts):
        yield from (piece.encode() for piece in column.json(", ", ascii_only=True))
    else:
        yield _content(column)


def _content(column: Any) -> bytes:
    if is_tensor(column):
        column = column.detach().cpu().numpy()
    if isinstance(column, np.ndarray) and column.dtype != object:
        return _header(column.dtype, column.shape[1:]) + np.ascontiguousarray(column).tobytes()
    return json.dumps(list(column), default=str).encode()


@cache
def _header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """What stands before the bytes of an array of examples; cached, since NumPy takes long to write a type."""
    return f"{dtype}{shape}".encode()
