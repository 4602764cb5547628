"""The examples of a dataset a window at a time, so that no task holds the whole of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.api import Context, Dataset, LabelledInputs
from harness.api.instruments import LANES, column_tensor
from harness_classification.labelled_inputs import check_columns, labelled_inputs

CLEAN_BYTES, ATTACK_BYTES = 2**26, 3 * 2**27
"""Of the inputs of a window without attack, and of one under attack, which takes several times as much."""
FEWEST = 64
"""Examples of a window at least, since the first so many are asked twice."""
_BATCHES = 16
"""Of a window under attack at least, so that what an attack holds of a batch is little beside the window."""


@dataclass(frozen=True)
class Window:
    """Neighbouring examples of a dataset.

    Attributes:
        start: the position of the first.
        examples: they, on the device.
    """

    start: int
    examples: LabelledInputs


class Windows:
    """A dataset in windows of examples.

    Args:
        data: the dataset; each example is taken once.
        ctx: gives the device.
        step: windows are of a multiple of so many examples.
        most: bytes of the inputs of a window, as float32, if a step of examples has no more.

    Attributes:
        ids: the ids of all examples.
        size: how many examples a window has.

    Raises:
        InvalidOutput: the data lack a column or their classes.
    """

    def __init__(self, data: Dataset, ctx: Context, step: int, most: int) -> None:
        self._data, self._device, self.ids = data, ctx.device, list(data.ids)
        first = data.take(range(1))
        check_columns(first, data.facts)
        each = 4 * int(np.prod(column_tensor(first["inputs"], "inputs").shape[1:]))
        self.size = step * max(1, most // (step * max(1, each)))

    @property
    def most_at_once(self) -> int:
        """How many examples of a window an attack may have under way, a multiple of `LANES`."""
        return max(LANES, self.size // _BATCHES // LANES * LANES)

    def __len__(self) -> int:
        """The number of examples."""
        return len(self.ids)

    def __iter__(self) -> Iterator[Window]:
        """The windows in order. Raises InvalidOutput for examples that cannot be classified."""
        for start in range(0, len(self), self.size):
            rows = range(start, min(len(self), start + self.size))
            # Nothing here holds the window, or it would be there still while the next one is read.
            yield Window(start, labelled_inputs(self._data, self.ids[rows.start : rows.stop], rows, self._device))


def attack_windows(data: Dataset, ctx: Context) -> Windows:
    """Windows of whole chunks, whatever the batch size: an attack is given no more at once, and may depend on it."""
    return Windows(data, ctx, ctx.chunk, ATTACK_BYTES)


def clean_windows(data: Dataset, ctx: Context) -> Windows:
    """Windows of whole batches."""
    return Windows(data, ctx, -(-FEWEST // ctx.batch_size) * ctx.batch_size, CLEAN_BYTES)
