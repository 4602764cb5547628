"""Columns by their roles: labels, scores, groups, standardised features, and bad tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.api import InvalidOutput
from harness_fairness.data.column_roles import Roles, examples_of
from harness_fairness.data.csv_table import csv_table
from harness_fairness.data.table_files import parse_table

TEXT = "id,income,score,said,sex,age,job\n" + "\n".join(
    f"p{i},{'high' if i % 3 == 0 else 'low'},{i / 20},{'high' if i % 2 else 'low'},{'m' if i % 2 else 'f'},{20 + i},"
    f"{'clerk' if i % 4 else 'smith'}"
    for i in range(20)
)
TABLE = parse_table(TEXT, "people.csv")


def test_labels_scores_predictions_and_groups() -> None:
    roles = Roles(id="id", label="income", positive="high", score="score", prediction="said", groups=("sex",))
    data = examples_of(TABLE, roles)
    assert data.ids[:2] == ["p0", "p1"]
    assert data.facts["classes"] == ["low", "high"]
    assert data.columns["labels"][:4].tolist() == [1, 0, 0, 1]
    assert data.columns["predictions"][:4].tolist() == [0, 1, 0, 1]
    assert data.columns["scores"][3] == pytest.approx(0.15)
    assert data.groups["sex"][:2] == ["f", "m"]


def test_splits_are_disjoint_and_whole_and_belong_to_the_id() -> None:
    roles = Roles(id="id", target="age", features=("score",))
    parts = [examples_of(TABLE, roles, split) for split in ("train", "validation", "test")]  # type: ignore[arg-type]
    ids = [set(part.ids) for part in parts]
    assert sum(map(len, ids)) == len(set.union(*ids)) == 20
    turned = parse_table("\n".join([TEXT.splitlines()[0], *reversed(TEXT.splitlines()[1:])]), "people.csv")
    assert set(examples_of(turned, roles, "test").ids) == ids[2]


def test_features_are_standardised_over_the_training_rows_alone() -> None:
    roles = Roles(id="id", label="income", positive="high", features=("age", "job"))
    train, everything = examples_of(TABLE, roles, "train"), examples_of(TABLE, roles)
    inputs = train.columns["inputs"]
    assert inputs[:, 0].mean() == pytest.approx(0, abs=1e-6)
    assert inputs[:, 0].std() == pytest.approx(1, abs=1e-6)
    assert everything.columns["inputs"].shape == (20, 3)
    assert everything.columns["inputs"][:5, 1:].tolist() == [[0, 1], [1, 0], [1, 0], [1, 0], [0, 1]]
    low, high = everything.facts["box"]
    assert low <= everything.columns["inputs"].min() <= everything.columns["inputs"].max() <= high
    assert train.facts["box"] == everything.facts["box"]


def test_kept_columns_are_numbers_or_text() -> None:
    data = examples_of(TABLE, Roles(keep={"words": "age", "speaker": "job"}))
    assert data.columns["words"][:2].tolist() == [20.0, 21.0]
    assert data.columns["speaker"][:2] == ["smith", "clerk"]
    assert data.ids[0] == "row-0000000"


def test_whole_numbers_are_classes_however_they_are_written() -> None:
    table = parse_table("y,p\n1,1.0\n0,0.0\n1,0\n", "t.csv")
    data = examples_of(table, Roles(label="y", prediction="p"))
    assert data.columns["labels"].tolist() == [1, 0, 1]
    assert data.columns["predictions"].tolist() == [1, 0, 0]


def test_a_missing_sensitive_value_is_refused_or_named() -> None:
    table = parse_table("y,sex\n1,m\n0,\n1,f\n", "t.csv")
    with pytest.raises(InvalidOutput, match=r"1 of 3 rows have no 'sex', first on line 3; call them something"):
        examples_of(table, Roles(label="y", groups=("sex",)))
    assert examples_of(table, Roles(label="y", groups=("sex",), unknown="not stated")).groups["sex"] == [
        "m",
        "not stated",
        "f",
    ]


def test_missing_labels_are_counted_by_metrics_and_refused_by_models() -> None:
    table = parse_table("y,x\n1,2\n,3\n0,4\n", "t.csv")
    assert examples_of(table, Roles(label="y")).columns["labels"] == [1, None, 0]
    with pytest.raises(InvalidOutput, match="line 3: the label is missing; a model needs all of them"):
        examples_of(table, Roles(label="y", features=("x",)))


@pytest.mark.parametrize(
    ("text", "roles", "told"),
    [
        ("i,y\na,1\nb,0\na,1\n", Roles(id="i"), "the id 'a' stands on line 2 and on line 4"),
        ("i,y\na,1\n,0\n", Roles(id="i"), "line 3: the id is missing"),
        ("y\nyes\nno\n", Roles(label="y"), "the label 'y' holds 'yes', 'no'; say which is `positive:`"),
        ("y\nyes\nno\n?\n", Roles(label="y", positive="yes"), "name the `negative:` value or all `classes:`"),
        ("y\nyes\nno\n?\n", Roles(label="y", positive="yes", negative="no"), "line 4: the label '\\?' is none of"),
        (
            "y\nyes\nno\n",
            Roles(label="y", positive="Yes"),
            "no row has the positive label 'Yes'; there are 'yes', 'no'",
        ),
        ("y\na\nb\nc\n", Roles(label="y", classes=["a", "b"]), "line 4: the label 'c' is none of the classes 'a', 'b'"),
        ("y,p\n1,1\n0,2\n", Roles(label="y", prediction="p"), "line 3: the prediction '2' is none of the classes"),
        ("y,s\n1,.5\n0,\n", Roles(label="y", score="s"), "1 of 2 rows have no 's' \\(score\\), first on line 3"),
        ("y,s\n1,.5\n0,hi\n", Roles(label="y", score="s"), "line 3: column 's' for score holds 'hi', not a number"),
        ("y,s\n1,.5\n", Roles(label="y", score="scores"), "no column 'scores' for score; did you mean 's'|it has y, s"),
        ("y,x\n1,3\n0,\n", Roles(label="y", features=("x",)), "1 of 2 rows have no 'x' \\(features\\)"),
    ],
)
def test_bad_tables(text: str, roles: Roles, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        examples_of(parse_table(text, "t.csv"), roles)


def test_as_a_component(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(TEXT, encoding="utf-8")
    data = csv_table(tmp_path / "people.csv", label="income", positive="high", score="score", groups=["sex"])
    assert np.array_equal(
        data.columns["labels"], examples_of(TABLE, Roles(label="income", positive="high")).columns["labels"]
    )
    assert set(data.groups) == {"sex"}
