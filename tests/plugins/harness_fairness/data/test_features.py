"""Features: columns of numbers and of categories, and those that are neither."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.api import InvalidOutput, Table, parse_table, read_table
from harness_fairness.data.features import standardised


def column(cells: list[Any]) -> Table:
    return parse_table("\n".join(["x,y", *(f'"{cell}",' for cell in cells)]).encode(), "t.csv")


def inputs(cells: list[Any], **levels: Any) -> Any:
    return standardised(column(cells), ["x"], np.ones(len(cells), dtype=bool), levels)


def test_numbers_are_standardised() -> None:
    assert inputs([1, 2, 3, 4])[:, 0].tolist() == pytest.approx([-1.3416, -0.4472, 0.4472, 1.3416], abs=1e-4)
    assert inputs([5, 5]).tolist() == [[0], [0]]


def test_texts_are_one_hot_and_missing_is_a_level() -> None:
    assert inputs(["b", "a", "", "b", "a", "b"]).tolist() == [
        [0, 1, 0],
        [1, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
        [1, 0, 0],
        [0, 1, 0],
    ]


@pytest.mark.parametrize("bad", ["?", "NA", "$", "1,000", "n/a", "12 kg"])
def test_one_value_that_is_no_number_does_not_make_a_column_of_categories(bad: str) -> None:
    cells = [*range(600)]
    cells[4] = bad  # type: ignore[call-overload]
    with pytest.raises(InvalidOutput) as error:
        inputs(cells)
    assert f"599 of 600 values of 'x' are numbers, line 6 holds {bad!r}" in str(error.value)


def test_numbers_with_separators_or_signs_are_no_categories() -> None:
    with pytest.raises(
        InvalidOutput, match=r"0 of 4 values .* line 2 holds '13,500'; write it without separators of thous"
    ):
        inputs(["13,500", "14,200"] * 2)
    with pytest.raises(InvalidOutput, match=r"line 2 holds '\$5'; write it without '\$'"):
        inputs(["$5", "$7"] * 4)


def test_mostly_missing_numbers_are_no_categories() -> None:
    with pytest.raises(InvalidOutput, match=r"2 of 12 values of 'x' are numbers, line 4 holds 'NA'"):
        inputs([1, 2, *["NA"] * 10])
    assert inputs([*["x"] * 8, "y", "7", "8"]).shape == (11, 4), "few numbers among texts are texts"


def test_an_id_is_no_feature() -> None:
    with pytest.raises(InvalidOutput, match="'x' has 12,000 levels for 12,000 rows: an id"):
        inputs([f"user{i}" for i in range(12_000)])
    with pytest.raises(InvalidOutput, match=r"1,001 levels for 4,004 rows: an id\? .* `levels: \{x: 1001\}`"):
        inputs([f"zip{i % 1001}" for i in range(4004)])
    with pytest.raises(InvalidOutput, match="6 levels for 12 rows"):
        inputs([f"u{i % 6}" for i in range(12)])
    assert inputs([f"u{i % 6}" for i in range(12)], x=6).shape == (12, 6)
    assert inputs(["a", "b"]).shape == (2, 2)


def test_levels_may_be_declared() -> None:
    assert inputs([1, 2, 3, 1], x=[1, 2, 3])[:, 0].tolist() == [1, 0, 0, 1]
    with pytest.raises(InvalidOutput, match="line 4: the feature 'x' holds '3', none of its levels '1', '2'"):
        inputs([1, 2, 3, 1], x=[1, 2])
    with pytest.raises(InvalidOutput, match="line 4: the feature 'x' has more than 2 levels, as `levels:` allows"):
        inputs(["a", "b", "c", "a"], x=2)
    with pytest.raises(InvalidOutput, match="`levels:` names 'z', which is not among the features x"):
        inputs([1, 2], z=2)


@pytest.mark.parametrize("cells", [["True", "False", "True"], ["TRUE", "FALSE", "TRUE"]])
def test_truth_values_are_levels_in_any_spelling(cells: list[str]) -> None:
    assert inputs(cells, x=[True, False])[:, 0].tolist() in ([1, 0, 1], [0, 1, 0])
    with pytest.raises(InvalidOutput, match=r"line [25]: the feature 'x' holds '(TRUE|true)'"):
        inputs([*cells, "true"], x=[True, False])


@pytest.mark.parametrize("huge", ["1e308", "-1e308", "1e200"])
@pytest.mark.parametrize("n_train", [5, 4])
def test_a_number_that_overflows_is_refused_with_its_line(huge: str, n_train: int) -> None:
    """In the mean, in the squares, or in single precision; among the rows that means come from or not."""
    train = np.arange(5) < n_train
    with pytest.raises(InvalidOutput, match=r"line 6: the feature 'x' holds -?1e\+\d+, too large to be standardised"):
        standardised(column([1, 2, 3, 4, huge]), ["x"], train, {})
    with pytest.raises(InvalidOutput, match=r"line [56]: the feature 'x' holds"):
        standardised(column([1, 2, 3, huge, huge]), ["x"], train, {})


def test_large_numbers_and_equal_ones_are_standardised() -> None:
    assert inputs(["1e100", "2e100", "3e100"])[:, 0].tolist() == pytest.approx([-1.2247449, 0, 1.2247449])
    equal = column([*["0.1"] * 10, "0.2"])
    scaled = standardised(equal, ["x"], np.arange(11) < 10, {})[:, 0]
    assert scaled.tolist() == pytest.approx([0] * 10 + [0.1], abs=1e-7), "not 0.1 over round-off"


def test_truth_values_are_numbers_in_every_kind_of_file(tmp_path: Path) -> None:
    train = np.ones(3, dtype=bool)
    pq.write_table(pa.table({"x": [True, False, True]}), tmp_path / "t.parquet")
    kept = standardised(read_table(tmp_path / "t.parquet"), ["x"], train, {})
    for cells in (["True", "False", "True"], ["TRUE", "FALSE", "TRUE"], ["true", "false", "true"]):
        assert inputs(cells).tolist() == kept.tolist()
    with pytest.raises(InvalidOutput, match="line 4: the feature 'x' holds 'TRUE', above 'True'; write both alike"):
        inputs(["True", "False", "TRUE"])
    with pytest.raises(InvalidOutput, match="line 3: the feature 'x' is missing, true or false elsewhere"):
        inputs(["True", "", "False"])
