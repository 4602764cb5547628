"""Splits by the hash of the examples: the same on every machine, whatever the order and number of the others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

import numpy as np
import numpy.typing as npt

Split = Literal["all", "train", "validation", "test"]
PARTS: tuple[Split, ...] = ("train", "validation", "test")
_UP_TO = {"test": 0.2, "validation": 0.4}
"""Up to which place in [0, 1) an example belongs to a part; the rest is for training."""


def parts_by_hash(keys: Iterable[str | bytes]) -> npt.NDArray[np.str_]:
    """The part of each example by the sha256 of its key, `[n]`: 20 % test, 20 % validation, 60 % train.

    Args:
        keys: what tells examples apart, such as ids or contents; equal keys are in the same part.
    """
    places = np.array([int.from_bytes(_hash(key)[:8], "big") / 2**64 for key in keys])
    return np.where(places < _UP_TO["test"], "test", np.where(places < _UP_TO["validation"], "validation", "train"))


def order_by_hash(keys: Iterable[str | bytes]) -> list[int]:
    """The positions of the keys in the order of their sha256, equal ones as they stand."""
    hashes = [_hash(key) for key in keys]
    return sorted(range(len(hashes)), key=hashes.__getitem__)


def _hash(key: str | bytes) -> bytes:
    return hashlib.sha256(key.encode() if isinstance(key, str) else key).digest()
