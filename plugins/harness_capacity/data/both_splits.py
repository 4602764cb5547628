"""Base of datasets that change the training part of other data and leave the test part as it is."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness.api import Dataset, DatasetWrapper, HarnessError

Split = Literal["train", "test"]
_LARGEST = 2.0**64


class TrainAndTest(DatasetWrapper):
    """One of two datasets: for training or for testing. Subclasses change what is trained on.

    A model without data of its own is trained on the data of its cell with `split: train`. So a sweep over a parameter
    of such a dataset on `split: test` trains a model for each of its values, and tests all on the same examples.
    """

    def __init__(self, dataset: Dataset, test: Dataset | None, split: str) -> None:
        name = type(self).__name__.lower()
        if split not in ("train", "test"):
            raise HarnessError(f"{name} has the splits train and test, not {split!r}")
        if split == "test" and test is None:
            raise HarnessError(f"{name}: name the data to test on with `test`, or `split: train`")
        super().__init__(dataset if split == "train" or test is None else test)


def draws_by_content(inputs: Any, purpose: str, draw: int) -> npt.NDArray[np.float64]:
    """Two uniform draws in [0, 1) for each example, `[n, 2]`, that depend on its content and the draw alone.

    Neither the order of the examples nor their ids matter, and equal examples have equal draws.

    Args:
        inputs: `[n, ...]`.
        purpose: draws for different purposes are independent.
        draw: the number of the random draw.
    """
    salt = f"{purpose} {draw} ".encode()
    rows = np.ascontiguousarray(np.asarray(inputs), dtype=np.float32)
    hashes = [hashlib.sha256(salt + row.tobytes()).digest() for row in rows]
    numbers = np.array([[int.from_bytes(h[:8], "big"), int.from_bytes(h[8:16], "big")] for h in hashes], dtype=object)
    # The largest of 2^64 numbers rounds to 1.
    return np.minimum((numbers / _LARGEST).astype(np.float64), np.nextafter(1.0, 0.0)).reshape(-1, 2)
