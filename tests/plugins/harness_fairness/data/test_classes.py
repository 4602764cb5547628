"""Labels by whole columns: which texts are one class, and which are not."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.api import InvalidOutput, parse_table, read_table
from harness_fairness.data.classes import class_column, coded, spelt, two_classes


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("1.0", "1"),
        ("-3.", "-3"),
        ("0.000", "0"),
        *((text, text) for text in ("007", "1e2", "1_0", "0.70", "1.0.0", "nan", "12345678901234567891")),
    ],
)
def test_only_the_point_of_a_whole_number_is_no_part_of_a_class(text: str, name: str) -> None:
    assert spelt(text) == name


def test_truth_values_of_parquet_are_one_and_zero(tmp_path: Path) -> None:
    pq.write_table(pa.table({"y": [True, False, None], "p": [1.0, 0.0, 1.0]}), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert two_classes(table, "y", "label", None, None) == ("0", "1")
    assert coded(table, "y", "label", ["0", "1"]) == [1, 0, None]
    assert coded(table, "p", "prediction", ["0", "1"]).tolist() == [1, 0, 1]


@pytest.mark.parametrize("declared", ["True", "true", "TRUE", "1"])
@pytest.mark.parametrize(
    "cells", [[True, False, True], ["True", "False", "True"], ["TRUE", "FALSE", "TRUE"], [1, 0, 1]]
)
def test_a_truth_value_is_declared_in_any_spelling(tmp_path: Path, cells: list[object], declared: str) -> None:
    pq.write_table(pa.table({"y": cells}), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    classes = two_classes(table, "y", "label", declared, None)
    assert coded(table, "y", "label", classes).tolist() == [1, 0, 1]
    assert coded(table, "y", "label", ["false", declared]).tolist() == [1, 0, 1]


def test_predictions_and_labels_may_spell_truth_values_differently() -> None:
    table = parse_table(b'{"y": true, "p": "True"}\n{"y": false, "p": "True"}\n', "t.jsonl")
    classes = two_classes(table, "y", "label", None, None)
    assert coded(table, "p", "prediction", classes).tolist() == [1, 1]


def test_two_spellings_of_a_truth_value_are_no_two_classes() -> None:
    table = parse_table(b"y\nTrue\nFALSE\nTRUE\n", "t.csv")
    with pytest.raises(InvalidOutput, match="holds 'True', 'FALSE', 'TRUE'; name the `negative:` value"):
        two_classes(table, "y", "label", "True", None)
    with pytest.raises(InvalidOutput, match="line 2: the label 'True' is none of the classes 'False', 'true'"):
        coded(table, "y", "label", ["False", "true"])
    mixed = parse_table(b"y\ntrue\nperhaps\n", "t.csv")
    with pytest.raises(InvalidOutput, match="no row has the positive label '1'"):
        two_classes(mixed, "y", "label", "1", None)


def test_one_class_is_named_once() -> None:
    for column, classes in (("1\n2", ["1", "1.0", "2"]), ("True\nFalse", ["True", "False", "TRUE"])):
        with pytest.raises(InvalidOutput, match=r"the classes '(1|True)' and '(1.0|TRUE)' of the label are one"):
            coded(parse_table(f"y\n{column}\n".encode(), "t.csv"), "y", "label", classes)


def test_single_precision_is_spelt_as_it_was_meant(tmp_path: Path) -> None:
    pq.write_table(pa.table({"y": pa.array([0.7, 2.0], pa.float32())}), tmp_path / "t.parquet")
    assert class_column(read_table(tmp_path / "t.parquet"), "y", "label").levels == ["0.7", "2"]


def test_ids_of_19_digits_are_two_classes() -> None:
    table = parse_table(b"y\n1234567890123456789\n1234567890123456790\n", "t.csv")
    assert coded(table, "y", "label", ["1234567890123456789", "1234567890123456790"]).tolist() == [0, 1]


def test_the_line_of_a_class_that_is_not_declared() -> None:
    table = parse_table(b'y,p,note\na,a,"one\ntwo\nthree"\n\n\nb,b,x\nb,zzz,y\n', "t.csv")
    with pytest.raises(InvalidOutput, match=r"t\.csv, line 8: the prediction 'zzz' is none of the classes 'a', 'b'"):
        coded(table, "p", "prediction", ["a", "b"])


@pytest.mark.parametrize("code", ["nan", "?", "NA", "None"])
def test_a_code_for_missing_is_no_class(code: str) -> None:
    table = parse_table(f"y\nyes\n{code}\nyes\n{code}\n".encode(), "t.csv")
    told = rf"t\.csv, line 3: the label 'y' holds '{re.escape(code)}': is it a class, or is none known"
    with pytest.raises(InvalidOutput, match=told):
        two_classes(table, "y", "label", "yes", None)
    assert two_classes(table, "y", "label", "yes", code) == (code, "yes")


def test_plus_and_minus_are_classes() -> None:
    table = parse_table(b"y\n+\n-\n", "t.csv")
    assert two_classes(table, "y", "label", "+", None) == ("-", "+")


@pytest.mark.parametrize(("one", "other"), [("yes", "yes\u200b"), ("n\u00e9", "ne\u0301"), ("Yes", "yes"), ("01", "1")])
def test_two_spellings_of_a_class_are_no_two_classes(one: str, other: str) -> None:
    table = parse_table(f"y\n{one}\n{other}\n".encode(), "t.csv")
    with pytest.raises(InvalidOutput, match="line 3: the label 'y' holds"):
        two_classes(table, "y", "label", other, None)


def test_a_class_is_found_however_its_letters_are_composed() -> None:
    table = parse_table("y\nne\u0301\nno\n".encode(), "t.csv")
    assert coded(table, "y", "label", ["no", "n\u00e9"]).tolist() == [1, 0]
