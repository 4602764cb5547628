"""Splits by hash: shares, equal keys, and independence of order."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from harness.api import PARTS, InvalidOutput, MissingData, Overlap, apart_from_training, order_by_hash, parts_by_hash


def test_the_part_follows_from_the_hash_of_the_key_alone() -> None:
    keys = [f"example {i}" for i in range(40)]
    parts = parts_by_hash(keys)
    assert parts_by_hash(keys[::-1]).tolist() == parts.tolist()[::-1]
    assert parts_by_hash([key.encode() for key in keys]).tolist() == parts.tolist()
    for key, part in zip(keys, parts, strict=True):
        first = int(hashlib.sha256(key.encode()).hexdigest()[:2], 16)
        # 0.2 and 0.4 of 256 lie inside of the bytes 0x33 and 0x66.
        expected = "test" if first < 0x33 else "validation" if 0x33 < first < 0x66 else "train"
        assert part == expected or first in (0x33, 0x66)


def test_shares() -> None:
    parts = parts_by_hash([str(i) for i in range(5000)])
    shares = [float(np.mean(parts == part)) for part in PARTS]
    assert np.allclose(shares, [0.6, 0.2, 0.2], atol=0.02)


def test_equal_keys_keep_their_order() -> None:
    keys = [b"b", b"a", b"b"]
    order = order_by_hash(keys)
    assert order.index(0) < order.index(2)
    hashes = [hashlib.sha256(keys[i]).hexdigest() for i in order]
    assert hashes == sorted(hashes)


def test_no_examples() -> None:
    assert parts_by_hash([]).tolist() == []
    assert order_by_hash([]) == []


def test_examples_that_are_among_the_training_examples() -> None:
    def apart(overlap: Overlap, *keys: str) -> tuple[list[int], int]:
        # A text and its bytes are one content.
        return apart_from_training(
            keys, ["p", "q", "r"][: len(keys)], [b"a", b"c"], ["s", "t"], ("mine", "old"), overlap
        )

    assert apart("refuse", "x", "y") == ([0, 1], 0)
    assert apart("leave_out", "c", "b", "a") == ([1], 2)
    assert apart("keep", "c", "b", "a") == ([0, 1, 2], 2)
    with pytest.raises(InvalidOutput, match="1 of 2 examples of mine are in old too, such as q, which is t; say `over"):
        apart("refuse", "b", "c")
    with pytest.raises(MissingData, match="all 2 examples of mine are in old too"):
        apart("leave_out", "a", "c")
