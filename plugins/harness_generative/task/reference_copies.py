"""Whether samples are examples of the reference itself, so that every distance from it is that of a copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from harness_generative.task.image_sets import ImageSet

_WHITE = 255
_MIN_PIXELS = 16
"""Fewer numbers than this may agree in 8 bits by chance, so they must be equal."""
_AT_ONCE = 128
_MIN_SHARE, _MIN_EXAMPLES = 0.005, 2


def copy_doubts(
    samples: Tensor, reference: ImageSet, train: ImageSet | None, facts: Mapping[str, Any]
) -> tuple[str, ...]:
    """The doubt that samples `[n, ...]` are examples of the reference, in whatever order, also rounded to 8 bits.

    Some samples may be equal to examples by the nature of the data, such as letters of a few pixels: those of the
    training data that are so set the share from which on there is a doubt.
    """
    box = tuple(float(end) for end in facts.get("box", (0.0, 1.0)))
    held = _contents(reference, box)
    matches = _matches(samples.flatten(1).numpy(), held, box)
    count, examples = len(matches), len(set(matches))
    expected = 0.0 if train is None else _count(train, held, box) / len(train)
    if examples < _MIN_EXAMPLES or count / len(samples) <= _MIN_SHARE + 2 * expected:
        return ()
    return (
        f"samples are reference examples: {count} of {len(samples)} samples are among the {len(reference)} that "
        "they are compared with, pixel for pixel; give samples that a model made, or other reference data",
    )


def _contents(images: ImageSet, box: Sequence[float]) -> dict[bytes, int]:
    """The contents of images and their place: rounded to 8 bits, and cut off to 8 bits as by a cast."""
    held: tuple[dict[bytes, int], dict[bytes, int]] = {}, {}
    for start, rows in zip(range(0, len(images), _AT_ONCE), _flat(images), strict=True):
        for cut, contents in enumerate(held):
            contents.update((content, start + i) for i, content in enumerate(_content(rows, box, cut=bool(cut))))
    return held[0] | held[1]


def _count(images: ImageSet, held: Mapping[bytes, int], box: Sequence[float]) -> int:
    """How many images are among the held ones."""
    return sum(len(_matches(rows, held, box)) for rows in _flat(images))


def _flat(images: ImageSet) -> Iterator[npt.NDArray[Any]]:
    return (part.flatten(1).numpy() for part in images.windows(_AT_ONCE))


def _matches(rows: npt.NDArray[Any], held: Mapping[bytes, int], box: Sequence[float]) -> list[int]:
    """For each row that is among the held ones, which it is."""
    return [held[content] for content in _content(rows, box) if content in held]


def _content(rows: npt.NDArray[Any], box: Sequence[float], *, cut: bool = False) -> list[bytes]:
    if rows.shape[1] < _MIN_PIXELS:
        return [row.tobytes() for row in np.ascontiguousarray(rows, dtype=np.float32)]
    low, high = box
    scaled = (rows - np.float32(low)) * np.float32(_WHITE / (high - low))
    return [sha256(row.tobytes()).digest() for row in (scaled if cut else scaled.round()).astype(np.uint8)]
