"""Images whose class is decided by a small pattern at a known place, beside a digit that means nothing."""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.api import Examples

SIDE = 16
PATTERNS: npt.NDArray[np.float32] = np.array(
    [
        [[0, 1, 0], [1, 1, 1], [0, 1, 0]],
        [[1, 0, 1], [0, 1, 0], [1, 0, 1]],
        [[1, 1, 1], [1, 0, 1], [1, 1, 1]],
    ],
    dtype=np.float32,
)
"""A plus, a cross and a ring, of 3 x 3 pixels."""
NAMES = ("plus", "cross", "ring")
_TEST = 360


def planted_pattern(split: Literal["train", "test"] = "test") -> Examples:
    """Images with a digit in one place and a small pattern in another; the pattern alone decides the class.

    Of 16 x 16 pixels; the pattern has 3 x 3. Digit, places and pattern are drawn independently of each other, by the
    content of the digit. The column `cause` marks the pixels of the pattern, so that a map can be judged: it must point
    there, not at the digit.

    Args:
        split: 1,437 train, 360 test, fixed by the sha256 of the digits.
    """
    from sklearn.datasets import load_digits

    digits = load_digits().images.astype(np.uint8)
    digests = [hashlib.sha256(digit.tobytes()).digest() for digit in digits]
    order = sorted(range(len(digits)), key=lambda i: digests[i])
    chosen = order[:_TEST] if split == "test" else order[_TEST:]
    made = [_image(digits[i], digests[i]) for i in chosen]
    images, causes, labels = (np.array(column) for column in zip(*made, strict=True))
    return Examples(
        ids=[f"planted-{i:04d}" for i in chosen],
        columns={"inputs": images[:, None], "labels": labels, "cause": causes[:, None]},
        facts={"classes": list(NAMES), "box": [0.0, 1.0]},
    )


def _image(digit: npt.NDArray[np.uint8], digest: bytes) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], int]:
    """An image, its cause and its class, drawn by the digest of the digit."""
    rng = np.random.default_rng(list(hashlib.sha256(b"planted pattern" + digest).digest()))
    label = int(rng.integers(len(PATTERNS)))
    # The digit in one half, left or right, up or down, and the pattern in the other with a pixel between.
    along, across = int(rng.integers(SIDE - 8 + 1)), int(rng.integers(SIDE - 3 + 1))
    place = int(rng.integers(9, SIDE - 3 + 1))
    image, cause = np.zeros((SIDE, SIDE), np.float32), np.zeros((SIDE, SIDE), np.bool_)
    image[:8, along : along + 8] = digit.astype(np.float32) / 16
    image[place : place + 3, across : across + 3] = PATTERNS[label]
    cause[place : place + 3, across : across + 3] = True
    turns = int(rng.integers(4))
    return np.rot90(image, turns).copy(), np.rot90(cause, turns).copy(), label
