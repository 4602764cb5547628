"""The digests of the examples of a dataset: of their content, groups and facts, and of their ids."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from harness.contract.cells import digest
from harness.contract.data import Dataset
from harness.contract.texts import Texts
from harness.instruments.late_torch import is_tensor

_EXAMPLES_PER_BLOCK, _EXAMPLES_PER_TAKE = 256, 4096


def data_facts(data: Dataset) -> dict[str, Any]:
    """The digests of the examples a cell uses: content, groups and facts in one, ids in the other."""
    hasher = hashlib.sha256()
    n = len(data.ids)
    hasher.update(json.dumps(dict(data.facts), sort_keys=True, default=str).encode())
    for name, group in sorted(data.groups.items()):
        hasher.update(f"group.{name}".encode())
        for piece in _pieces(group):
            hasher.update(piece)
    for start in range(0, n, _EXAMPLES_PER_TAKE):
        columns = data.take(range(start, min(n, start + _EXAMPLES_PER_TAKE)))
        for first in range(0, min(n - start, _EXAMPLES_PER_TAKE), _EXAMPLES_PER_BLOCK):
            for name in sorted(columns):
                hasher.update(name.encode())
                for piece in _pieces(columns[name][first : first + _EXAMPLES_PER_BLOCK]):
                    hasher.update(piece)
    return {"digest": hasher.hexdigest(), "ids": _digest_of_ids(data.ids), "n": n}


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
