"""Tables of texts with classes: order, splits, groups, and tables that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.api import InvalidOutput, MissingData
from harness_language.classification.text_table import text_table

ROWS = [(f"text number {i}, with a comma", ("bad", "good")[i % 2], ("f", "m")[i // 2 % 2]) for i in range(30)]


def save(folder: Path, rows: Any = ROWS, header: str = "text,label,sex") -> Path:
    lines = [header, *(f'"{text}",{label},{sex}' for text, label, sex in rows)]
    (folder / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder / "t.csv"


def test_texts_labels_and_groups(tmp_path: Path) -> None:
    data = text_table(save(tmp_path), groups=["sex"])
    assert data.facts["classes"] == ["bad", "good"]
    taken = data.take(range(30))
    for name, text, label, sex in zip(
        data.ids, taken["texts"], taken["labels"].tolist(), data.groups["sex"], strict=True
    ):
        row = int(name.removeprefix("row-"))
        assert (text, ("bad", "good")[label], sex) == ROWS[row]
    # `limit` takes the first ones.
    assert set(taken["labels"][:8].tolist()) == {0, 1}


def test_splits_keep_equal_texts_together(tmp_path: Path) -> None:
    path = save(tmp_path, [*ROWS, *ROWS[:5]])
    parts = [text_table(path, split=part) for part in ("train", "validation", "test")]  # type: ignore[arg-type]
    texts = [set(part.columns["texts"]) for part in parts]
    assert sum(map(len, texts)) == 30
    assert sum(len(part.ids) for part in parts) == 35


def test_json_lines_and_classes_in_an_order(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(json.dumps({"said": f"t{i}", "stars": i % 11, "n": f"a{i}"}) for i in range(22)))
    data = text_table(path, text="said", label="stars", id="n")
    assert data.facts["classes"] == [str(i) for i in range(11)]
    assert data.ids[0].startswith("a")
    turned = text_table(path, text="said", label="stars", classes=[str(i) for i in reversed(range(11))])
    assert turned.facts["classes"][0] == "10"


@pytest.mark.parametrize(
    ("rows", "options", "problem"),
    [
        ([("", "good", "f"), ROWS[0]], {}, r"line 2: the text is missing \(column 'text'\)"),
        ([ROWS[0], ("a", "", "f")], {}, "line 3: the label is missing"),
        ([ROWS[0], ("a", "good", "")], {"groups": ["sex"]}, "sex"),
        (
            [ROWS[0], ("a", "great", "f")],
            {"classes": ["bad", "good"]},
            "line 3: the label 'great' is none of the classes",
        ),
        (ROWS, {"text": "txt"}, "no column 'txt' for texts; did you mean 'text'"),
        (ROWS[:1], {"split": "test"}, "the split 'test' has no rows of 1"),
        (ROWS, {"id": "label"}, "the id 'bad' stands on line 2 and on line 4"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, rows: Any, options: Any, problem: str) -> None:
    with pytest.raises(InvalidOutput, match=problem):
        text_table(save(tmp_path, rows), **options)


def test_group_columns_hold_what_is_declared(tmp_path: Path) -> None:
    path = save(tmp_path, [("a", "good", "NA"), ("b", "bad", "DE"), ("c", "bad", "01"), ("d", "bad", "1")])
    with pytest.raises(InvalidOutput, match=r"`values: \{sex: \[NA, ...\]\}`"):
        text_table(path, groups=["sex"])
    data = text_table(path, groups=["sex"], values={"sex": "text"})
    assert dict(zip(data.columns["texts"], data.groups["sex"], strict=True)) == {
        "a": "NA",
        "b": "DE",
        "c": "01",
        "d": "1",
    }
    with pytest.raises(InvalidOutput, match="`values:` names 'age', which is not among the groups"):
        text_table(path, groups=["sex"], values={"age": "number"})


def test_texts_of_a_training_file_are_refused_left_out_or_kept(tmp_path: Path) -> None:
    path = save(tmp_path)
    (tmp_path / "train.csv").write_text("text\nsomething else\n" + "".join(f'"{ROWS[row][0]}"\n' for row in (4, 7)))
    how: Any = {"groups": ["sex"], "train_path": tmp_path / "train.csv"}
    with pytest.raises(
        InvalidOutput, match=r"2 of 30 examples of t\.csv are in train\.csv too, such as row-000000[47], "
    ):
        text_table(path, **how)
    left, kept = text_table(path, overlap="leave_out", **how), text_table(path, overlap="keep", **how)
    assert sorted(left.ids) == [f"row-{row:07d}" for row in range(30) if row not in (4, 7)]
    assert len(kept.ids) == 30
    assert left.facts["overlap"] == kept.facts["overlap"] == 2
    for name, text, sex in zip(left.ids, left.columns["texts"], left.groups["sex"], strict=True):
        assert (text, sex) == (ROWS[int(name[4:])][0], ROWS[int(name[4:])][2])
    with pytest.raises(MissingData, match=r"all 30 examples of t\.csv are in t\.csv too"):
        text_table(path, train_path=path, overlap="leave_out")
    other = text_table(path, split="test", train_path=tmp_path / "train.csv", overlap="leave_out")
    assert set(other.ids) <= set(text_table(path, split="test").ids)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="is not there"):
        text_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (("pos", "NA"), "line 3: the label is 'NA': is it a class"),
        (("1", "1.0"), "which may mean the same"),
        (("Pos", "pos"), "which may mean the same"),
        (("pos", "pos\u200b"), "which looks the same"),
    ],
)
def test_labels_that_are_no_classes_of_their_own(tmp_path: Path, labels: tuple[str, str], problem: str) -> None:
    with pytest.raises(InvalidOutput, match=problem):
        text_table(save(tmp_path, [("a", labels[0], "f"), ("b", labels[1], "f")]))


def test_classes_are_named_once_and_in_any_spelling_of_truth(tmp_path: Path) -> None:
    path = save(tmp_path, [("a", "TRUE", "f"), ("b", "FALSE", "f")])
    data = text_table(path, classes=["false", "true"])
    assert dict(zip(data.columns["texts"], data.columns["labels"].tolist(), strict=True)) == {"a": 1, "b": 0}
    with pytest.raises(InvalidOutput, match="are one; name it once"):
        text_table(path, classes=["false", "true", "True"])
