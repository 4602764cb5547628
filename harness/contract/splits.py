"""Splits by the hash of the examples: the same on every machine, whatever the order and number of the others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.contract.errors import InvalidOutput, MissingData

Split = Literal["all", "train", "validation", "test"]
Overlap = Literal["refuse", "leave_out", "keep"]
"""What is done with examples that are among the training examples too."""
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


def apart_from_training(
    keys: Iterable[str | bytes],
    ids: Sequence[str],
    trained_keys: Iterable[str | bytes],
    trained_ids: Sequence[str],
    names: tuple[str, str],
    overlap: Overlap,
) -> tuple[list[int], int]:
    """The positions of examples to keep, and how many of all are among the training examples, by their contents.

    Args:
        keys, trained_keys: the content of each example, in the order of its ids; read once and not held.
        ids, trained_ids: their names, for the message.
        names: what both are called in messages, such as their files.
        overlap: refuse those that are in both, leave them out, or keep them.

    Raises:
        InvalidOutput: some are in both, and that is to be refused.
        MissingData: none is left.
    """
    trained = {_hash(key): name for key, name in zip(trained_keys, trained_ids, strict=True)}
    found = {row: trained[place] for row, key in enumerate(keys) if (place := _hash(key)) in trained}
    if found and overlap == "refuse":
        row, other = next(iter(found.items()))
        raise InvalidOutput(
            f"{len(found)} of {len(ids)} examples of {names[0]} are in {names[1]} too, such as {ids[row]}, which is "
            f"{other}; say `overlap: leave_out`, or `keep`"
        )
    kept = [row for row in range(len(ids)) if overlap == "keep" or row not in found]
    if not kept:
        raise MissingData(f"all {len(ids)} examples of {names[0]} are in {names[1]} too; give others")
    return kept, len(found)


def _hash(key: str | bytes) -> bytes:
    return hashlib.sha256(key.encode() if isinstance(key, str) else key).digest()
