"""Columns parted by runs of spaces, names of rows without a heading, and files without a line of names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import InvalidOutput, Table, parse_table, read_table
from harness.reading.spaced import tab_separated

AUTO_MPG = b"""18.0   8   307.0      130.0   1\t"chevrolet chevelle malibu"
15.0   8   350.0      165.0   1\t"buick ""skylark"" 320"
25.0   4   98.00      ?       2\t"ford pinto"
"""
NAMES = ["mpg", "cylinders", "displacement", "horsepower", "origin", "name"]
WRITTEN_BY_R = b'"mpg" "cyl" "name"\n"1" 21 6 "Mazda RX4"\n"2" 22.8 4 "Datsun 710"\n'


def cars(**options: object) -> Table:
    return parse_table(AUTO_MPG, "auto-mpg.data", **options)  # type: ignore[arg-type]


def test_runs_of_spaces_part_columns_where_that_is_declared() -> None:
    table = cars(separator="whitespace", header=NAMES)
    assert table.numbers("mpg", "target").tolist() == [18.0, 15.0, 25.0]
    assert table.texts("name", "id") == ["chevrolet chevelle malibu", 'buick "skylark" 320', "ford pinto"]
    assert [table.where(row) for row in range(3)] == ["line 1", "line 2", "line 3"]
    with pytest.raises(InvalidOutput, match="line 3 holds '\\?'"):
        table.numbers("horsepower", "features")


def test_spaces_at_the_edges_of_a_line_part_nothing() -> None:
    assert tab_separated(b"  a  b \t\r\n\r\n c\t d\n") == b"a\tb\r\n\r\nc\td\n"
    assert tab_separated(b'h "x  y" 5\'10" z\n') == b'h\t"x  y"\t5\'10"\tz\n', "a quote inside of a word opens nothing"


@given(st.lists(st.sampled_from(["a", "7", " ", "  ", "\t", "\n", "\r\n"]), max_size=20))
def test_every_line_is_split_as_python_splits_it(pieces: list[str]) -> None:
    text = "".join(pieces)
    lines = text.replace("\r\n", "\n").split("\n")
    made = tab_separated(text.encode()).decode().replace("\r\n", "\n").split("\n")
    assert made == ["\t".join(line.split()) for line in lines]


def test_white_space_is_suggested_where_it_parts_the_columns() -> None:
    with pytest.raises(InvalidOutput, match="Say `separator: ','`, `separator: whitespace`"):
        cars()
    with pytest.raises(InvalidOutput, match=r"it seems to be 'whitespace': say `separator: 'whitespace'`"):
        parse_table(b" a   b   c\n 1   2   3\n 4   5   6\n", "housing.csv")
    with pytest.raises(InvalidOutput, match=r"it seems to be 'whitespace'"):
        parse_table(WRITTEN_BY_R, "t.txt")
    with pytest.raises(InvalidOutput, match=r"2 values for 3 columns; is ' ' what .* say `separator: whitespace`"):
        parse_table(b"a  b\n1 2\n", "t.txt", " ")


def test_one_column_of_two_words_may_be_declared() -> None:
    names = b"first name\nJohn Smith\nAnn Lee\n"
    with pytest.raises(InvalidOutput, match=r"or `separator: ','` if it is one column"):
        parse_table(names, "t.csv")
    assert parse_table(names, "t.csv", ",").texts("first name", "id") == ["John Smith", "Ann Lee"]


def test_one_column_of_sentences_is_not_parted() -> None:
    table = parse_table(b"the text\none two three\nfour\n", "t.csv")
    assert table.texts("the text", "texts") == ["one two three", "four"]


def test_a_separator_is_suggested_only_where_the_rows_have_as_many_values() -> None:
    """The first line of the adult data of UCI."""
    table = parse_table(b"|1x3 Cross validator\na\nb\n", "adult.csv")
    assert list(table.header) == ["|1x3 Cross validator"]


@pytest.mark.parametrize("separator", ["whitespace", " "])
def test_names_of_rows_without_a_heading_are_refused(separator: str) -> None:
    with pytest.raises(InvalidOutput, match=r"line 2: 4 values for 3 columns, as in every row: .* row.names = FALSE"):
        parse_table(WRITTEN_BY_R, "t.txt", separator)


@pytest.mark.parametrize("end", ["", " ", "  \r"])
def test_names_of_rows_before_an_empty_last_column_are_refused(end: str) -> None:
    """R quotes an empty text, which a separator too many never is."""
    with pytest.raises(InvalidOutput, match=r"as in every row: .* row.names = FALSE"):
        parse_table(f'"a","b"\n"1","x",""{end}\n"2","y",""{end}\n'.encode(), "t.csv")
    table = parse_table(f"a,b\n1,x,{end}\n2,y,{end}\n".encode(), "t.csv")
    assert list(table.texts("b", "b")) == ["x", "y"]


def test_one_row_too_long_is_not_called_a_name() -> None:
    with pytest.raises(InvalidOutput, match="line 3: 3 values for 2 columns; is ',' what separates"):
        parse_table(b"a,b\n1,2\n1,2,3\n", "t.csv")


def test_names_may_be_given_where_the_file_has_none() -> None:
    table = parse_table(b"39, State-gov, <=50K\n50, Private, >50K\n\n", "adult.data", ",", header=["age", "work", "y"])
    assert table.n == 2
    assert table.categories("y", "label").levels == ["<=50K", ">50K"]
    assert table.where(1) == "line 2"
    with pytest.raises(InvalidOutput, match="line 1: 3 values for 2 columns"):
        parse_table(b"1,2,3\n", "t.csv", header=["a", "b"]).texts("a", "a")


def test_names_are_given_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidOutput, match="its first row holds the names of `header:` already"):
        parse_table(b"a,b\n1,2\n", "t.csv", header=["a", "b"])
    with pytest.raises(InvalidOutput, match=r"t.jsonl names its columns itself; `header:` is for separated text"):
        parse_table(b'{"a": 1}', "t.jsonl", header=["a"])
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    with pytest.raises(InvalidOutput, match="names its columns itself"):
        read_table(tmp_path / "t.parquet", header=["a"])
