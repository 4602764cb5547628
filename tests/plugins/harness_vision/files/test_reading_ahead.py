"""Rows are what they are alone, whatever was read ahead, and what is wrong is told by the first wrong row."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from harness.api import InvalidOutput
from harness.api.images import Pixels
from harness_vision.files.reading_ahead import ReadingAhead

N, SHAPE = 40, (1, 2, 2)


class Rows:
    """Images of their row's number; remembers which were read, and knows when a row was."""

    def __init__(self, broken: Sequence[int] = ()) -> None:
        self.broken, self.was_read = broken, [threading.Event() for _ in range(N)]
        self.counts = [0] * N

    def __call__(self, row: int) -> Pixels:
        self.counts[row] += 1
        self.was_read[row].set()
        if row in self.broken:
            raise InvalidOutput(f"row {row} is damaged")
        return np.full(SHAPE, row, np.float32)


def taken(reader: ReadingAhead, rows: Sequence[int]) -> list[int]:
    images = reader.take(rows)
    assert images.shape == (len(rows), *SHAPE)
    return [int(image[0, 0, 0]) for image in images]


@pytest.mark.parametrize("size", [1, 3, 7, 40, 64])
def test_all_rows_in_order_are_read_once(size: int) -> None:
    rows = Rows()
    reader = ReadingAhead(rows, SHAPE, N)
    windows = [range(start, min(N, start + size)) for start in range(0, N, size)]
    assert [row for window in windows for row in taken(reader, window)] == list(range(N))
    assert rows.counts == [1] * N


def test_the_next_rows_are_read_while_the_caller_works() -> None:
    rows = Rows()
    reader = ReadingAhead(rows, SHAPE, N)
    taken(reader, range(4))
    assert sum(rows.counts) == 4
    taken(reader, range(4, 8))
    assert all(event.wait(30) for event in rows.was_read[8:12])
    assert not rows.was_read[12].is_set()


def test_other_rows_than_those_read_ahead_can_be_taken() -> None:
    reader = ReadingAhead(Rows(), SHAPE, N)
    for wanted in (range(4), range(4, 8), range(8, 10), range(10, 12), [30, 2, 2], range(36, 40), [], range(3)):
        assert taken(reader, wanted) == list(wanted)


def test_the_first_damaged_row_is_told_and_only_to_who_asks_for_it() -> None:
    reader = ReadingAhead(Rows(broken=[9, 10]), SHAPE, N)
    assert taken(reader, range(4)) == [0, 1, 2, 3]
    assert taken(reader, range(4, 8)) == [4, 5, 6, 7]
    with pytest.raises(InvalidOutput, match="row 9 is damaged"):
        reader.take(range(8, 12))
    assert taken(reader, range(12, 14)) == [12, 13]
