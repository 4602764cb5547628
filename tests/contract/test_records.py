"""Records as numbers: what a column of texts is not."""

from __future__ import annotations

import numpy as np
import pytest

from harness.api import InvalidOutput, Records


def test_numbers_and_truth_values_are_floats_and_missing_ones_nan() -> None:
    records = Records.of({"id": ["a", "b"], "n": [3, None], "right": [True, False]})
    assert str(records.floats("n").tolist()) == "[3.0, nan]"
    assert records.floats("right").tolist() == [1.0, 0.0]
    with pytest.raises(KeyError, match="records have no column 'm'; they have id, n, right"):
        records.floats("m")


def test_texts_are_no_numbers_even_if_they_look_like_them() -> None:
    records = Records.of({"id": ["a"], "words": ["007"]})
    with pytest.raises(InvalidOutput, match=r"the column 'words' holds texts, not numbers; .* type: number"):
        records.floats("words")
    assert isinstance(records["words"], np.ndarray)


def test_parts_are_what_masks_give() -> None:
    part = np.array([2, 0, 2, 3, 0, 2])
    records = Records.of({"id": list("abcdef"), "value": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]})
    for whole in (records, records.where([True] * 5 + [False])):
        of_row = part[: len(whole)]
        for i, rows in enumerate(whole.split(of_row, 5)):
            wanted = whole.where(of_row == i)
            assert rows.table.to_pydict() == wanted.table.to_pydict()
            np.testing.assert_array_equal(rows.kept, wanted.kept)
