"""Groups of records: single, combined, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from harness.api import InvalidOutput, Partition, Records


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


def test_combinations_whose_values_hold_commas_stay_apart() -> None:
    some = records(g=["a, b", "a, b", "a", 'a"', "x"], h=["c", "c", "b, c", "b", "y"])
    partition = Partition.of(some, "g*h")
    assert partition.members == ('"a""", b', '"a, b", c', 'a, "b, c"', "x, y")
    assert partition.of_row.tolist() == [1, 1, 2, 0, 3]
    assert Partition.of(some, "g").members == ("a", 'a"', "a, b", "x"), "alone they are named as they are"


def test_a_column_may_have_a_star_in_its_name() -> None:
    columns = {"id": ["r0", "r1"], "group.a*b": ["x", "y"], "group.a": ["1", "1"]}
    assert Partition.of(Records.of(columns), "a*b").members == ("x", "y")
    with pytest.raises(InvalidOutput, match=r"'a\*b' is a group column and the combination of a, b; rename the column"):
        Partition.of(Records.of({**columns, "group.b": ["2", "2"]}), "a*b")


def test_numbers_and_truth_values_are_named_in_full() -> None:
    assert Partition.of(records(x=[1.0, 2.5, 1.0]), "x").members == ("1", "2.5")
    assert Partition.of(records(x=[True, False]), "x").members == ("False", "True")


@pytest.mark.parametrize("missing", [["m", None, None], [1.0, float("nan"), float("nan")]])
def test_a_missing_value_is_refused(missing: list[object]) -> None:
    with pytest.raises(
        InvalidOutput, match="2 of 3 examples have no 'sex', first 'r1'; give them a value of their own"
    ):
        Partition.of(records(sex=missing), "sex")


def test_unknown_columns_and_members_are_named() -> None:
    some = records(sex=["m", "f"], race=["a", "b"])
    with pytest.raises(InvalidOutput, match="the data have no group column 'sexx'; they have sex, race"):
        Partition.of(some, "sexx")
    with pytest.raises(InvalidOutput, match="'sex' has no group 'x'; it has 'f', 'm'"):
        Partition.of(some, "sex").index("x")


def test_every_record_is_in_the_group_of_its_values() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.choice(["x", "y", "z"], 50).tolist(), rng.integers(0, 3, 50).tolist()
    partition = Partition.of(records(a=a, b=b), "a*b")
    expected = [f"{one}, {other}" for one, other in zip(a, b, strict=True)]
    assert partition.members == tuple(sorted(set(expected)))
    assert [partition.members[i] for i in partition.of_row] == expected


def test_long_numbers_stay_apart() -> None:
    some = Records.of({"id": ["a", "b"], "group.zip": [1234567.0, 1234568.0]})
    assert Partition.of(some, "zip").members == ("1234567", "1234568")


def test_only_combinations_that_occur_are_made() -> None:
    """Three columns of 500 values each have 125 million combinations."""
    values = [f"v{i:03}" for i in range(500)]
    partition = Partition.of(records(a=values, b=values, c=values), "a*b*c")
    assert partition.members == tuple(f"{value}, {value}, {value}" for value in values)
    assert partition.of_row.tolist() == list(range(500))
