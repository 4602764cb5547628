"""Columns by their roles: labels, scores, groups, kept columns, splits, and bad tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.api import Examples, InvalidOutput, Table, parse_table
from harness_fairness.data.column_roles import Roles, examples_of
from harness_fairness.data.csv_table import csv_table

TEXT = "id,income,score,said,sex,age,job\n" + "\n".join(
    f"p{i},{'high' if i % 3 == 0 else 'low'},{i / 20},{'high' if i % 2 else 'low'},{'m' if i % 2 else 'f'},{20 + i},"
    f"{'clerk' if i % 4 else 'smith'}"
    for i in range(20)
)


def table(text: str, name: str = "t.csv") -> Table:
    return parse_table(text.encode(), name)


def examples(text: str, **roles: Any) -> Examples:
    return examples_of(table(text), Roles(**roles))


TABLE = table(TEXT, "people.csv")


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
    turned = table("\n".join([TEXT.splitlines()[0], *reversed(TEXT.splitlines()[1:])]), "people.csv")
    assert set(examples_of(turned, roles, "test").ids) == ids[2]


def test_features_are_standardised_over_the_training_rows_alone() -> None:
    roles = Roles(id="id", label="income", positive="high", features=("age", "job"))
    train, everything = examples_of(TABLE, roles, "train"), examples_of(TABLE, roles)
    inputs = train.columns["inputs"]
    assert inputs[:, 0].mean() == pytest.approx(0, abs=1e-6)
    assert inputs[:, 0].std() == pytest.approx(1, abs=1e-6)
    assert everything.columns["inputs"].shape == (20, 3)
    raw = examples_of(TABLE, Roles(id="id", label="income", positive="high", features=("age", "job"), scaled=False))
    assert raw.columns["inputs"][:3].tolist() == [[20, 0, 1], [21, 1, 0], [22, 1, 0]]
    assert raw.facts["box"] == [0, 39]
    assert everything.columns["inputs"][:5, 1:].tolist() == [[0, 1], [1, 0], [1, 0], [1, 0], [0, 1]]
    low, high = everything.facts["box"]
    assert low <= everything.columns["inputs"].min() <= everything.columns["inputs"].max() <= high
    assert train.facts["box"] == everything.facts["box"]


def test_kept_columns_are_texts_unless_they_are_declared_numbers() -> None:
    """Names that look like numbers stay apart: 64-bit ids, leading zeros, exponents."""
    text = "hyp,who,n\n12,1234567890123456789,007\n,1234567890123456790,7\n5,1e2,100\n"
    data = examples(text, keep={"hypothesis": "hyp", "speaker": "who", "length": {"column": "n", "type": "number"}})
    assert data.columns["hypothesis"] == ["12", "", "5"], "an empty transcript is a transcript"
    assert data.columns["speaker"] == ["1234567890123456789", "1234567890123456790", "1e2"]
    assert data.columns["length"].tolist() == [7.0, 7.0, 100.0]
    assert data.ids[0] == "row-0000000"


def test_kept_counts_of_words_are_numbers_by_name() -> None:
    data = examples("n,e\n10,1\n20,\n", keep={"words": "n", "errors": "e"})
    assert data.columns["words"].tolist() == [10.0, 20.0]
    assert data.columns["errors"] == [1.0, None]
    assert examples("n\n10\n", keep={"words": {"column": "n", "type": "text"}}).columns["words"] == ["10"]
    with pytest.raises(InvalidOutput, match=r"for `keep: words`, 1 of 2 values of 'n' are numbers, line 3 holds '\?'"):
        examples("n\n10\n?\n", keep={"words": "n"})
    with pytest.raises(InvalidOutput, match=r"`keep: \{words: ...\}` takes a column, or \{column: ..., type: text or"):
        examples("n\n10\n", keep={"words": {"column": "n", "type": "float"}})


def test_whole_numbers_are_classes_with_and_without_a_point() -> None:
    data = examples("y,p\n1,1.0\n0,0.0\n1,0\n", label="y", prediction="p")
    assert data.columns["labels"].tolist() == [1, 0, 1]
    assert data.columns["predictions"].tolist() == [1, 0, 0]


def test_a_missing_sensitive_value_is_refused_or_named() -> None:
    text = "y,sex\n1,m\n0,\n1,f\n0,NA\n"
    with pytest.raises(InvalidOutput, match=r"line 5: 'sex' holds 'NA': is it a value, or is none known\?"):
        examples(text, label="y", groups=("sex",))
    with pytest.raises(InvalidOutput, match=r"1 of 4 rows have no 'sex', first on line 3; call them something"):
        examples(text, label="y", groups=("sex",), values={"sex": "text"})
    named = examples(text, label="y", groups=("sex",), unknown="not stated")
    assert named.groups["sex"] == ["m", "not stated", "f", "not stated"]
    with pytest.raises(InvalidOutput, match="`values:` names 'race', which is not among the groups"):
        examples(text, groups=("sex",), values={"race": "text"})


def test_missing_labels_are_counted_by_metrics_and_refused_by_models() -> None:
    text = "y,x\n1,2\n,3\n0,4\n"
    assert examples(text, label="y").columns["labels"] == [1, None, 0]
    with pytest.raises(InvalidOutput, match="line 3: the label is missing; a model needs all of them"):
        examples(text, label="y", features=("x",))


def test_selections_need_no_labels() -> None:
    """The four-fifths rule and New York's Local Law 144 ask who was selected, not who should have been."""
    data = examples("hired,race\nyes,B\nno,W\nyes,W\n", prediction="hired", positive="yes", groups=("race",))
    assert data.columns["predictions"].tolist() == [1, 0, 1]
    assert data.facts["classes"] == ["no", "yes"]
    assert "labels" not in data.columns
    with pytest.raises(InvalidOutput, match="the prediction 'hired' holds 'yes', 'no'; say which is `positive:`"):
        examples("hired\nyes\nno\n", prediction="hired")
    assert set(examples("s,g\n0.5,a\n1.5,b\n", score="s", groups=("g",)).columns) == {"scores"}


def test_scores_keep_the_digits_of_the_file() -> None:
    scores = examples("s\n0.30000000000000004\n1e-300\n", score="s").columns["scores"]
    assert scores.tolist() == [0.30000000000000004, 1e-300]


def test_of_two_columns_of_one_name_only_a_used_one_is_refused() -> None:
    """As in the table that ProPublica published, with two columns `decile_score` and two `priors_count`."""
    text = "id,score,priors_count,y,priors_count,score\n1,3,0,1,0,3\n2,9,2,0,2,8\n"
    assert examples(text, id="id", label="y").columns["labels"].tolist() == [1, 0]
    with pytest.raises(InvalidOutput, match=r"t\.csv has 2 columns 'score', the one for score among them; rename one"):
        examples(text, score="score")


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
        (
            "y,s\n1,.5\n0,hi\n",
            Roles(label="y", score="s"),
            "for score, 1 of 2 values of 's' are numbers, line 3 holds 'hi'",
        ),
        ("y,s\n1,.5\n", Roles(label="y", score="scores"), "no column 'scores' for score; did you mean 's'|it has y, s"),
        ("y,x\n1,3\n0,\n", Roles(label="y", features=("x",)), "1 of 2 rows have no 'x' \\(features\\)"),
    ],
)
def test_bad_tables(text: str, roles: Roles, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        examples_of(table(text), roles)


def test_as_a_component(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(TEXT, encoding="utf-8")
    data = csv_table(tmp_path / "people.csv", label="income", positive="high", score="score", groups=["sex"])
    assert np.array_equal(
        data.columns["labels"], examples_of(TABLE, Roles(label="income", positive="high")).columns["labels"]
    )
    assert set(data.groups) == {"sex"}


@pytest.mark.parametrize(
    ("roles", "name"),
    [
        (Roles(label="y", keep={"labels": "x"}), "labels"),
        (Roles(score="x", keep={"scores": "y"}), "scores"),
        (Roles(label="y", features=("x",), keep={"inputs": "x"}), "inputs"),
        (Roles(label="y", keep={"id": "x"}), "id"),
    ],
)
def test_what_is_kept_takes_the_place_of_nothing(roles: Roles, name: str) -> None:
    table = parse_table(b"x,y\n1,0\n2,1\n", "t.csv")
    with pytest.raises(InvalidOutput, match=f"`keep:` names '{name}', which the records hold already"):
        examples_of(table, roles)


def test_a_target_that_no_model_could_predict_is_refused() -> None:
    table = parse_table(b"t\n1e38\n-1e39\n", "t.csv")
    with pytest.raises(InvalidOutput, match=r"t\.csv, line 3: the target 't' is -1e\+39, too large for single precis"):
        examples_of(table, Roles(target="t"))
    assert examples_of(parse_table(b"t\n1e38\n", "t.csv"), Roles(target="t")).columns["targets"].tolist() == [1e38]
