"""Some rows of a pool: copies of them only where needed, and parts that are small beside the pool."""

from __future__ import annotations

import pytest
import torch

from harness.api import Context, LabelledInputs
from harness.attacks.closest import Closest
from harness.attacks.row_subset import row_parts, rows_of


def pool(n: int) -> LabelledInputs:
    return LabelledInputs([f"e{i}" for i in range(n)], torch.rand(n, 3), torch.zeros(n, dtype=torch.long))


def test_all_rows_in_their_order_are_the_pool_itself() -> None:
    whole = pool(4)
    assert rows_of(whole, torch.arange(4)) is whole
    turned = rows_of(whole, torch.tensor([3, 2, 1, 0]))
    assert list(turned.ids) == ["e3", "e2", "e1", "e0"]
    assert torch.equal(turned.inputs, whole.inputs.flip(0))
    assert list(rows_of(whole, torch.tensor([2])).ids) == ["e2"]


@pytest.mark.parametrize(("batch_size", "sizes"), [(1, [5] * 6), (4, [8, 8, 8, 6]), (100, [30])])
def test_parts_are_an_eighth_of_the_pool_or_two_batches(batch_size: int, sizes: list[int]) -> None:
    rows = torch.arange(5, 35)
    parts = list(row_parts(rows, pool(40), Context(batch_size=batch_size)))
    assert [len(part) for part in parts] == sizes
    assert torch.equal(torch.cat(parts), rows)


def test_a_pinned_point_stays_whatever_is_found_later() -> None:
    batch = pool(3)
    closest = Closest(batch, "l2")
    pinned = torch.full((2, 3), 0.5)
    closest.pin(torch.tensor([0, 2]), pinned, torch.tensor([True, False]))
    closest.offer(torch.tensor([0, 1, 2]), batch.inputs + 0.01, torch.tensor([True, True, False]))
    assert torch.equal(closest.answer[0], pinned[0])
    assert torch.equal(closest.answer[1], batch.inputs[1] + 0.01)
    assert torch.equal(closest.answer[2], batch.inputs[2])
