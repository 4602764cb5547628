"""Whether samples are examples of the reference itself, so that every distance from it is that of a copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from harness_generative.task.image_sets import ImageSet

_WHITE = 255
_MIN_PIXELS = 16
"""Fewer numbers than this may agree in 8 bits by chance, so they must be equal."""
_MIN_SHARE, _MIN_EXAMPLES = 0.005, 2


def copy_doubts(
    samples: Tensor, reference: ImageSet, train: ImageSet | None, facts: Mapping[str, Any]
) -> tuple[str, ...]:
    """The doubt that samples `[n, ...]` are examples of the reference, in whatever order, also rounded to 8 bits.

    Some samples may be equal to examples by the nature of the data, such as letters of a few pixels: those of the
    training data that are so set the share from which on there is a doubt.
    """
    box = tuple(float(end) for end in facts.get("box", (0.0, 1.0)))
    held = _contents(reference.flat, box)
    matches = _matches(samples.flatten(1).numpy(), held, box)
    count, examples = len(matches), len(set(matches))
    expected = 0.0 if train is None else len(_matches(train.flat, held, box)) / len(train.flat)
    if examples < _MIN_EXAMPLES or count / len(samples) <= _MIN_SHARE + 2 * expected:
        return ()
    return (
        f"samples are reference examples: {count} of {len(samples)} samples are among the {len(reference.flat)} that "
        "they are compared with, pixel for pixel; give samples that a model made, or other reference data",
    )


def _contents(rows: npt.NDArray[Any], box: Sequence[float]) -> dict[bytes, int]:
    """The contents of rows and their place: rounded to 8 bits, and cut off to 8 bits as by a cast."""
    return {content: place for cut in (False, True) for place, content in enumerate(_content(rows, box, cut=cut))}


def _matches(rows: npt.NDArray[Any], held: Mapping[bytes, int], box: Sequence[float]) -> list[int]:
    """For each row that is among the held ones, which it is."""
    return [held[content] for content in _content(rows, box) if content in held]


def _content(rows: npt.NDArray[Any], box: Sequence[float], *, cut: bool = False) -> list[bytes]:
    if rows.shape[1] < _MIN_PIXELS:
        return [row.tobytes() for row in np.ascontiguousarray(rows, dtype=np.float32)]
    low, high = box
    scaled = (rows - np.float32(low)) * np.float32(_WHITE / (high - low))
    return [row.tobytes() for row in (scaled if cut else scaled.round()).astype(np.uint8)]
