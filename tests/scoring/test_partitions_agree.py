"""The groups of the core and those of the audit of tables are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from harness_fairness.metrics.partition import Partition

from harness.contract.records import Records
from harness.scoring.subgroups import Grouping


def records(**groups: Any) -> Records:
    n = len(next(iter(groups.values())))
    return Records.of({"id": [f"e{i}" for i in range(n)], **{f"group.{name}": of for name, of in groups.items()}})


def test_the_same_groups_as_the_engine() -> None:
    rng = np.random.default_rng(0)
    some = records(a=rng.choice(["x", "y", "z"], 50).tolist(), b=rng.integers(0, 3, 50).tolist())
    ours, theirs = Partition.of(some, "a*b"), Grouping.of(some, "a*b")
    assert ours.members == theirs.members
    assert np.array_equal(ours.of_row, theirs.of_row)


def test_long_numbers_stay_apart() -> None:
    some = Records.of({"id": ["a", "b"], "group.zip": [1234567.0, 1234568.0]})
    assert Partition.of(some, "zip").members == Grouping.of(some, "zip").members == ("1234567", "1234568")
