"""The cells of a plan parted among launchers that share nothing but the suite: batch arrays, jobs of a matrix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from harness.contract.cells import Cell
from harness.contract.errors import UsageError

ShardBy = Literal["model", "cell"]
_SHARD = re.compile(r"(\d+)/(\d+)")
_MAX_SHARDS = 100_000


def parse_shard(text: str) -> tuple[int, int]:
    """Return number and count of a shard such as "1/3", counted from 1. Raises UsageError."""
    match = _SHARD.fullmatch(text)
    number, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= count <= _MAX_SHARDS:
        raise UsageError(f"--shard {text!r}: write NUMBER/COUNT, such as 1/3 for the first of three")
    return number, count


def shard_of(cells: Sequence[Cell], shard: str, by: ShardBy) -> list[Cell]:
    """Return the cells of a shard, in their order; every cell is in one shard of a count.

    Args:
        cells: of the whole plan; every launcher must have the same.
        shard: such as "1/3".
        by: "model" keeps the cells of a model and a seed together, so that it is trained once; "cell" takes every
            n-th cell.
    """
    number, count = parse_shard(shard)
    if by == "cell":
        return [cell for i, cell in enumerate(cells) if i % count == number - 1]
    groups: dict[str, list[int]] = {}
    for i, cell in enumerate(cells):
        groups.setdefault(_trained_as(cell), []).append(i)
    # The largest first, each to the shard that has least: no shard has more than its part and one model.
    loads, mine = [0] * count, set[int]()
    for members in sorted(groups.values(), key=len, reverse=True):
        least = loads.index(min(loads))
        loads[least] += len(members)
        mine |= set(members) if least == number - 1 else set()
    return [cell for i, cell in enumerate(cells) if i in mine]


def _trained_as(cell: Cell) -> str:
    """What cells share that need the same weights; a cell without a model shares with none."""
    model = cell.components.get("model")
    return f"{model.identity_digest} {cell.seed}" if model else cell.id
