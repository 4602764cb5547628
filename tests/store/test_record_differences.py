"""Two measurements of a cell: equal to the bit, equal within round-off, or not."""

from __future__ import annotations

import numpy as np

from harness.contract.records import Records
from harness.store.record_differences import record_differences

IDS = ["a", "b", "c"]


def records(**columns: object) -> Records:
    return Records.of({"id": IDS, **columns})


def test_equal_records_and_other_timings_do_not_differ() -> None:
    found = record_differences(
        records(loss=[1.0, 2.0, 3.0], seconds=[1, 2, 3]), records(loss=[1.0, 2.0, 3.0], seconds=[9, 9, 9])
    )
    assert (found.examples, found.beyond, found.largest, found.n) == ((), (), None, 3)


def test_one_bit_is_told_as_round_off() -> None:
    one, two = np.float32([1, 2, 3]), np.float32([1, np.nextafter(np.float32(2), np.float32(3)), 3])
    found = record_differences(records(loss=one), records(loss=two))
    assert (found.examples, found.beyond) == (("b",), ())
    assert found.largest == 2.0**-22


def test_a_negative_zero_is_another_bit() -> None:
    found = record_differences(records(loss=[0.0, 1.0, 2.0]), records(loss=[-0.0, 1.0, 2.0]))
    assert (found.examples, found.beyond, found.largest) == (("a",), (), 0.0)


def test_more_than_round_off_is_named_with_its_column() -> None:
    found = record_differences(records(loss=[1.0, 2.0, 3.0]), records(loss=[1.0, 2.0, 3.1]))
    assert found.beyond == ("c",)
    assert found.columns == {"loss": 3.1 - 3.0}


def test_a_flipped_prediction_is_round_off_only_in_a_close_call() -> None:
    margins = {"clean_margin": [1e-6, 0.4, 0.5]}
    one = records(prediction=[1, 1, 1], **margins)
    assert record_differences(one, records(prediction=[0, 1, 1], **margins)).beyond == ()
    found = record_differences(one, records(prediction=[1, 0, 1], **margins))
    assert (found.examples, found.beyond, found.columns) == (("b",), ("b",), {"prediction": None})


def test_a_value_that_is_missing_now_is_no_round_off() -> None:
    found = record_differences(records(loss=[1.0, 2.0, 3.0]), records(loss=[1.0, None, 3.0]))
    assert found.beyond == ("b",)


def test_vectors_and_lists_differ_by_their_numbers() -> None:
    one, two = [[1.0, 2.0], [3.0], []], [[1.0, 2.0 + 1e-7], [3.0], []]
    found = record_differences(records(x=one), records(x=two))
    assert (found.examples, found.beyond) == (("a",), ())
    assert record_differences(records(x=one), records(x=[[1.0], [3.0], []])).beyond == ("a",)


def test_infinities_of_both_are_equal() -> None:
    inf = float("inf")
    found = record_differences(records(x=[inf, 1.0, 2.0]), records(x=[inf, 1.0, 2.5]))
    assert (found.beyond, found.largest) == (("c",), 0.5)
    assert record_differences(records(x=[inf, 1.0, 2.0]), records(x=[5.0, 1.0, 2.0])).beyond == ("a",)


def test_other_columns_or_ids_are_told() -> None:
    assert record_differences(records(a=[1, 2, 3]), records(b=[1, 2, 3])).mismatch == "the columns differ: a, b"
    other = Records.of({"id": ["a", "c", "b"], "a": [1, 2, 3]})
    assert record_differences(records(a=[1, 2, 3]), other).mismatch == "the ids differ"
