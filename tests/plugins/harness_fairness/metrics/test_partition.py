"""Groups of records: single, combined, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from harness.api import InvalidOutput, Records
from harness_fairness.metrics.partition import Partition


def records(**columns: object) -> Records:
    (n,) = {len(column) for column in columns.values()}  # type: ignore[arg-type]
    return Records.of({"id": [f"r{i}" for i in range(n)], **{f"group.{name}": c for name, c in columns.items()}})


def test_members_are_named_in_order_and_rows_keep_theirs() -> None:
    partition = Partition.of(records(sex=["m", "f", "f", "m", "x"]), "sex")
    assert partition.members == ("f", "m", "x")
    assert partition.of_row.tolist() == [1, 0, 0, 1, 2]
    assert partition.index("m") == 1


def test_an_intersection_has_the_combinations_that_occur() -> None:
    partition = Partition.of(records(sex=["m", "f", "f", "m"], band=["old", "old", "young", "old"]), "sex * band")
    assert partition.members == ("f, old", "f, young", "m, old")
    assert partition.of_row.tolist() == [2, 0, 1, 2]


def test_numbers_and_truth_values_are_named_as_the_engine_names_them() -> None:
    assert Partition.of(records(x=[1.0, 2.5, 1.0]), "x").members == ("1", "2.5")
    assert Partition.of(records(x=[True, False]), "x").members == ("False", "True")


@pytest.mark.parametrize("missing", [["m", None, None], [1.0, float("nan"), float("nan")]])
def test_a_missing_value_is_refused(missing: list[object]) -> None:
    with pytest.raises(InvalidOutput, match="2 of 3 records have no 'sex', first 'r1'; give them a value of their own"):
        Partition.of(records(sex=missing), "sex")


def test_unknown_columns_and_members_are_named() -> None:
    some = records(sex=["m", "f"], race=["a", "b"])
    with pytest.raises(InvalidOutput, match="no group column 'sexx'; they have sex, race"):
        Partition.of(some, "sexx")
    with pytest.raises(InvalidOutput, match="'sex' has no group 'x'; it has 'f', 'm'"):
        Partition.of(some, "sex").index("x")


def test_the_same_groups_as_the_engine() -> None:
    from harness.scoring.subgroups import Grouping

    rng = np.random.default_rng(0)
    some = records(a=rng.choice(["x", "y", "z"], 50).tolist(), b=rng.integers(0, 3, 50).tolist())
    ours, theirs = Partition.of(some, "a*b"), Grouping.of(some, "a*b")
    assert ours.members == theirs.members
    assert np.array_equal(ours.of_row, theirs.of_row)


def test_long_numbers_stay_apart() -> None:
    from harness.scoring.subgroups import Grouping

    some = Records.of({"id": ["a", "b"], "group.zip": [1234567.0, 1234568.0]})
    assert Partition.of(some, "zip").members == Grouping.of(some, "zip").members == ("1234567", "1234568")
