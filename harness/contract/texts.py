"""Many texts in one block of memory: the ids and groups of millions of examples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, overload

import numpy as np
import numpy.typing as npt

_BLOCK = 1 << 16
_WORD, _MAX_HASHED = 8, 256
"""Bytes of a word, and of the part of a text that is hashed by words: for one long text all others pay."""
_MULTIPLIER = 0xBF58476D1CE4E5B9


class Texts(Sequence[str]):
    """Texts as Arrow keeps them, in a tenth of the memory of a list; none is missing.

    `pyarrow.array` takes them without a copy.

    Args:
        array: a chunked array of text, or of dictionary codes for texts.
    """

    def __init__(self, array: Any) -> None:
        self._array = array

    @classmethod
    def numbered(cls, prefix: str, n: int, digits: int) -> Texts:
        """Names such as "row-0000012", counted from 0."""
        import pyarrow as pa

        starts = range(0, max(n, 1), _BLOCK)
        blocks = ([f"{prefix}{i:0{digits}d}" for i in range(start, min(n, start + _BLOCK))] for start in starts)
        return cls(pa.chunked_array([pa.array(block, pa.string()) for block in blocks]))

    @classmethod
    def coded(cls, codes: Any, levels: Sequence[str]) -> Texts:
        """The text of each code `[n]`, int32, a position in the levels."""
        import pyarrow as pa

        return cls(pa.chunked_array([pa.DictionaryArray.from_arrays(codes, pa.array(levels, pa.string()))]))

    def __arrow_array__(self, type: Any = None) -> Any:
        """The texts for `pyarrow.array`."""
        return self._array if type is None else self._array.cast(type)

    def __len__(self) -> int:
        return len(self._array)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Texts: ...
    def __getitem__(self, index: int | slice) -> str | Texts:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            part = self._array.slice(start, max(0, stop - start)) if step == 1 else None
            return self.take(range(start, stop, step)) if part is None else Texts(part)
        text: str = self._array[int(index)].as_py()
        return text

    def __iter__(self) -> Iterator[str]:
        for block in self._blocks():
            yield from block

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Texts({list(self[:3])}{', ...' if len(self) > 3 else ''})"

    def take(self, indices: Any) -> Texts:
        """The texts at these positions."""
        return Texts(self._array.take(np.asarray(indices, dtype=np.int64)))

    @cached_property
    def are_unique(self) -> bool:
        """Whether no text stands twice."""
        hashes = np.concatenate([_hashes(block) for block in self._arrays()] or [np.zeros(0, np.uint64)])
        hashes.sort()
        # Only where two hashes are equal must the texts themselves be looked at.
        return bool((hashes[1:] != hashes[:-1]).all()) or len(set(self)) == len(self)

    def json(self, separator: str, *, ascii_only: bool) -> Iterator[str]:
        """The texts as a JSON list, in pieces, as `json.dumps` writes it."""
        yield "["
        between = ""
        for block in self._arrays():
            yield between
            verbatim = _is_verbatim(block, ascii_only)
            yield from _quoted(block, separator) if verbatim else _dumped(block, separator, ascii_only)
            between = separator
        yield "]"

    def _blocks(self) -> Iterator[list[str]]:
        # By way of NumPy, which takes a third of the time of `to_pylist`.
        return map(_listed, self._arrays())

    def _arrays(self) -> Iterator[Any]:
        """The texts as arrays of at most `_BLOCK`, none of them empty."""
        import pyarrow as pa

        for start in range(0, len(self), _BLOCK):
            yield from filter(len, self._array.slice(start, _BLOCK).cast(pa.string()).chunks)


def _hashes(block: Any) -> npt.NDArray[np.uint64]:
    """A hash of each text of an array `[n]`, of its bytes by words of eight, a word of all texts at a time."""
    starts, ends, content = _bounds(block)
    # Whoever reads a word at the end of the content finds zeros after it.
    words = np.lib.stride_tricks.sliding_window_view(np.append(content, np.zeros(_WORD, np.uint8)), _WORD)
    kept_bits = np.array([(1 << 8 * kept) - 1 for kept in range(_WORD + 1)], np.uint64)
    lengths = ends - starts
    hashes = lengths.astype(np.uint64)
    for first in range(0, min(int(lengths.max(initial=0)), _MAX_HASHED), _WORD):
        left = np.clip(lengths - first, 0, _WORD)
        at = np.minimum(starts + first, len(words) - 1)
        word = np.ascontiguousarray(words[at]).view("<u8")[:, 0] & kept_bits[left]
        mixed = (hashes ^ word) * np.uint64(_MULTIPLIER)
        # A text that has ended is left alone: what its hash is must not depend on its neighbours.
        hashes = np.where(left > 0, mixed ^ (mixed >> np.uint64(31)), hashes)
    for i in np.flatnonzero(lengths > _MAX_HASHED).tolist():
        hashes[i] ^= np.uint64(hash(block[i].as_py()) % 2**64)
    return hashes


def _bounds(block: Any) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.uint8]]:
    """Where each text of an array begins and ends in its bytes, and the bytes."""
    _, offsets, content = block.buffers()
    ends = np.frombuffer(offsets, np.int32)[block.offset : block.offset + len(block) + 1].astype(np.intp)
    used = np.frombuffer(content, np.uint8)[ends[0] : ends[-1]] if content is not None else np.zeros(0, np.uint8)
    return ends[:-1] - ends[0], ends[1:] - ends[0], used


def _listed(block: Any) -> list[str]:
    texts: list[str] = block.to_numpy(zero_copy_only=False).tolist()
    return texts


def _is_verbatim(block: Any, ascii_only: bool) -> bool:
    """Whether JSON writes each text of an array as it is, between quotes."""
    *_, used = _bounds(block)
    escaped = (used < 0x20) | (used == ord('"')) | (used == ord("\\"))
    return not (escaped.any() or (ascii_only and (used >= 0x7F).any()))


def _quoted(block: Any, separator: str) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = pa.ListArray.from_arrays(pa.array([0, len(block)], pa.int32()), block)
    text: str = pc.binary_join(whole, f'"{separator}"')[0].as_py()
    yield f'"{text}"'


def _dumped(block: Any, separator: str, ascii_only: bool) -> Iterator[str]:
    yield json.dumps(_listed(block), separators=(separator, ":"), ensure_ascii=ascii_only)[1:-1]


def are_unique_texts(texts: Sequence[Any]) -> bool:
    """Whether all are texts and no text stands twice."""
    if isinstance(texts, Texts):
        return texts.are_unique
    return all(isinstance(text, str) for text in texts) and len(set(texts)) == len(texts)
