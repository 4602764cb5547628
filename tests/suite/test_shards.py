"""Every cell is in one shard, whatever the count; a model stays in one; and nobody has much more than the others."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.contract.cells import Cell, Use
from harness.contract.errors import UsageError
from harness.suite.shards import ShardBy, shard_of


def cells_of(counts: list[int]) -> list[Cell]:
    """As many cells of each model as these counts."""

    def use(kind: Any, name: str, **parameters: Any) -> Use:
        return Use(kind, f"p/{name}", name, 1, parameters)

    return [
        Cell("e", use("task", "t"), {"model": use("model", f"m{i}"), "attack": use("attack", "a", n=j)})
        for i, count in enumerate(counts)
        for j in range(count)
    ]


COUNTS = st.lists(st.integers(1, 9), min_size=1, max_size=12)


@given(counts=COUNTS, n=st.integers(1, 15), by=st.sampled_from(["model", "cell"]))
def test_every_cell_is_in_one_shard_and_in_its_order(counts: list[int], n: int, by: ShardBy) -> None:
    cells = cells_of(counts)
    shards = [shard_of(cells, f"{i + 1}/{n}", by) for i in range(n)]
    assert Counter(cell.id for shard in shards for cell in shard) == Counter(cell.id for cell in cells)
    for shard in shards:
        assert shard == [cell for cell in cells if cell in shard]


@given(counts=COUNTS, n=st.integers(1, 15))
def test_a_model_stays_in_one_shard_of_its_part_and_one_model(counts: list[int], n: int) -> None:
    cells = cells_of(counts)
    shards = [shard_of(cells, f"{i + 1}/{n}", "model") for i in range(n)]
    models = [{cell.labels["model"] for cell in shard} for shard in shards]
    assert sum(map(len, models)) == len(counts)
    assert max(map(len, shards)) <= sum(counts) / n + max(counts)


def test_cells_are_dealt_one_by_one() -> None:
    cells = cells_of([5, 2])
    assert [len(shard_of(cells, f"{i}/3", "cell")) for i in (1, 2, 3)] == [3, 2, 2]


def test_the_same_model_under_another_seed_is_trained_by_another() -> None:
    one = cells_of([1])[0]
    cells = [Cell(one.experiment, one.task, one.components, seed=seed) for seed in (0, 1)]
    assert [len(shard_of(cells, f"{i}/2", "model")) for i in (1, 2)] == [1, 1]


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "-1/3", "1/0", "a/b", "1/3/5", "1/1000001", "1.0/2"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write NUMBER/COUNT, such as 1/3 for the first of three"):
        shard_of(cells_of([2]), text, "cell")
