"""Tables of text and Parquet: what is read, and the line of every mistake."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.api import InvalidOutput, MissingData
from harness_fairness.data.table_files import parse_table, read_table


def test_values_lose_spaces_and_empty_ones_are_missing() -> None:
    table = parse_table('a, b\n 1 ,x\n\n,"y, z"\n', "t.csv")
    assert table.columns == {"a": ["1", None], "b": ["x", "y, z"]}
    assert table.numbers("a", "score") == [1.0, None]


def test_stray_empty_columns_are_no_values() -> None:
    """As in a published table of caption errors, whose lines 29 and 47 end in a tab too many."""
    assert parse_table("a\tb\r\n1\t2\t\r\n", "t.txt", "\t").columns == {"a": ["1"], "b": ["2"]}


def test_parquet_and_text_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("\ufeffid\tx\na\t1.5\nb\t\n", encoding="utf-8")
    pq.write_table(pa.table({"id": ["a", "b"], "x": [1.5, float("nan")]}), tmp_path / "t.parquet")
    text, parquet = read_table(tmp_path / "t.tsv"), read_table(tmp_path / "t.parquet")
    assert text.numbers("x", "score") == parquet.numbers("x", "score") == [1.5, None]
    assert (text.where(1), parquet.where(1)) == ("line 3", "row 2")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "t.csv is empty"),
        ("a,b\n", "t.csv has a header and no rows"),
        ("a,b,a\n1,2,3\n", "t.csv has two columns 'a'"),
        ("a,b\n1,2\n1,2,3\n", "t.csv, line 3: 3 values for 2 columns"),
        ("a,b\n1\n", "t.csv, line 2: 1 values for 2 columns; is ',' what separates them"),
    ],
)
def test_what_is_no_table(text: str, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        parse_table(text, "t.csv")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"nothing.csv is not there; `path:` must name a table"):
        read_table(tmp_path / "nothing.csv")
    (tmp_path / "t.dat").write_text("a;b\n1;2\n", encoding="utf-8")
    with pytest.raises(InvalidOutput, match=r"what separates its values\? Name it with `separator:`"):
        read_table(tmp_path / "t.dat")
    assert read_table(tmp_path / "t.dat", ";").columns == {"a": ["1"], "b": ["2"]}
    (tmp_path / "t.csv").write_bytes(b"a\n\xff\xfe\n")
    with pytest.raises(InvalidOutput, match=r"t\.csv is not UTF-8 text"):
        read_table(tmp_path / "t.csv")
    (tmp_path / "t.parquet").write_bytes(b"PAR?")
    with pytest.raises(InvalidOutput, match=r"t\.parquet cannot be read as Parquet"):
        read_table(tmp_path / "t.parquet")


def test_a_misnamed_column_is_told_with_the_closest() -> None:
    table = parse_table("speaker,words\na,1\nb,x\n", "t.csv")
    with pytest.raises(InvalidOutput, match=r"no column 'speker' for groups; did you mean 'speaker'\?"):
        table.column("speker", "groups")
    with pytest.raises(InvalidOutput, match="no column 'q' for id; it has speaker, words"):
        table.column("q", "id")
    with pytest.raises(InvalidOutput, match="line 3: column 'words' for score holds 'x', not a number"):
        table.numbers("words", "score")
