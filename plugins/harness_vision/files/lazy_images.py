"""A dataset of images that are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.api.images import Pixels
from harness_vision.files.reading_ahead import ReadingAhead


@dataclass(frozen=True)
class LazyImages:
    """Images with a class each, or without.

    Attributes:
        ids: their names.
        labels: `[n]`, the class of each; None where nothing says it.
        shape: channels, height and width of each.
        read: the image at a position, float32 of that shape in [0, 1]; raises InvalidOutput; called by several threads.
        groups: group columns.
        facts: classes, box, and what else is told of the whole set.
        reads_anew: every take reads its images anew.
    """

    ids: Sequence[str]
    labels: npt.NDArray[np.int64] | None
    shape: tuple[int, int, int]
    read: Callable[[int], Pixels]
    groups: Mapping[str, Sequence[Any]]
    facts: Mapping[str, Any]
    reads_anew: bool = field(default=True, init=False)
    _reader: ReadingAhead = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_reader", ReadingAhead(self.read, self.shape, len(self.ids)))

    def take(self, indices: Sequence[int]) -> Mapping[str, Any]:
        """The images `inputs`, float32 `[n, C, H, W]` in [0, 1], and their `labels` `[n]` if any. Raises as `read`."""
        rows = list(indices)
        inputs = self._reader.take(rows)
        return {"inputs": inputs} if self.labels is None else {"inputs": inputs, "labels": self.labels[rows]}
