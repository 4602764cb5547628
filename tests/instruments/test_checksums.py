"""Checksums of arrays: by their definition, whatever the length, and other after any change."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
import torch

from harness.instruments.checksums import checksum

LENGTHS = (503, 509)


def defined(raw: np.ndarray[Any, Any]) -> bytes:
    """The hash of sums of words of 8 bytes in rows of each length, and of the bytes that fill no row."""
    hasher = hashlib.sha256()
    for n in LENGTHS:
        rows = len(raw) // (8 * n)
        sums = raw[: 8 * n * rows].view(np.int64).reshape(rows, n).sum(axis=0)
        hasher.update(sums.tobytes() + raw[8 * n * rows :].tobytes())
    return hasher.digest()


@pytest.mark.parametrize("n", [4097, 8 * 503 * 9, 8 * 503 * 509 - 1, 8 * 503 * 509, 3 * 8 * 503 * 509 + 8 * 509 + 5])
def test_sums_of_both_lengths(n: int) -> None:
    raw = np.random.default_rng(0).integers(0, 256, n, dtype=np.uint8)
    assert checksum(raw)[-1] == checksum(torch.from_numpy(raw))[-1] == defined(raw)


def test_a_change_and_a_swap_are_told() -> None:
    images = np.random.default_rng(0).random((8, 3, 224, 224), dtype=np.float32)
    before = checksum(images)
    assert checksum(images.copy()) == before
    assert checksum(images[[1, 0, 2, 3, 4, 5, 6, 7]]) != before
    images[5, 1, 7, 7] += np.float32(1e-6)
    assert checksum(images) != before
