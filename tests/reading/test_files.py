"""Tables of files of every kind: what is read, and the place of what cannot be."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.api import InvalidOutput, MissingData, Table, parse_table, read_table


def csv(text: str | bytes, name: str = "t.csv", separator: str | None = None, **options: str) -> Table:
    content = text.encode() if isinstance(text, str) else text
    return parse_table(content, name, separator, **options)


def test_bytes_order_marks_line_ends_and_empty_lines_are_no_values() -> None:
    table = csv(b"\xef\xbb\xbfid,x\r\n\r\na,1\r\n , \r\nb,2\r\n\r\n")
    assert list(table.header) == ["id", "x"]
    assert table.texts("id", "id") == ["a", "b"]
    assert csv(b"id,x\ra,1\rb,2").texts("x", "x") == ["1", "2"]


def test_spaces_before_a_quote_are_not_part_of_the_value() -> None:
    """As in the tables of UCI."""
    table = csv('a, "b c"\n 1, "x, ""y"""\n2,z\n')
    assert list(table.header) == ["a", "b c"]
    assert table.texts("b c", "b") == ['x, "y"', "z"]
    assert csv("a, b\n1, x y\n").texts("b", "b") == [" x y"], "a text keeps its spaces where no quote says otherwise"


def test_a_separator_too_many_at_the_end_of_a_row_is_no_value() -> None:
    """As in a published table of caption errors, whose lines 29 and 47 end in a tab too many."""
    assert csv("a\tb\r\n1\t2\t\r\n3\t4\r\n", "t.txt").texts("b", "b") == ["2", "4"]


def test_a_line_of_separators_is_no_row() -> None:
    assert csv("a;b\n1;2\n;\n;;\n", separator=";").texts("a", "a") == ["1"]
    assert csv('a,b\n1,2\n"",\n').texts("a", "a") == ["1", ""], "but quoted nothing is a row"


def test_text_of_any_length(tmp_path: Path) -> None:
    long = "x" * 3_000_000
    table = csv(f"a,b\n{long},1\n{long},2\n")
    assert table.texts("b", "b") == ["1", "2"]
    assert [len(text or "") for text in table.texts("a", "a")] == [3_000_000, 3_000_000]


@pytest.mark.parametrize("blank", ["", " , , \n"], ids=["parsed", "scanned"])
def test_lines_are_those_of_the_file(blank: str) -> None:
    """A quoted line break, empty lines and Windows line ends are counted as an editor counts them."""
    table = csv(f'y,n\r\n1,"one\r\ntwo\r\n"\r\n\r\n{blank}2,x\r\n3,"a\nb"\r\n4,c')
    line = 6 + bool(blank)
    assert [table.where(row) for row in range(4)] == ["line 2", f"line {line}", f"line {line + 1}", f"line {line + 3}"]
    assert table.texts("n", "n") == ["one\r\ntwo\r\n", "x", "a\nb", "c"]


def test_excel_names_its_separator_on_the_first_line() -> None:
    table = csv("\ufeffsep=;\r\nid;x\r\na;0,5\r\n", decimal=",")
    assert table.numbers("x", "score").tolist() == [0.5]
    assert table.where(0) == "line 3"


@pytest.mark.parametrize("ending", [".csv", ".CSV", ".csv.gz", ".TXT", ".tab", ".dat"])
def test_endings(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t{ending}"
    text = b"a,b\n1,2\n"
    path.write_bytes(gzip.compress(text) if ending.endswith("gz") else text)
    assert read_table(path, ",").texts("b", "b") == ["2"]


def test_the_same_rows_of_every_kind(tmp_path: Path) -> None:
    rows = [{"id": "007", "x": 1.5, "n": 1}, {"id": "7", "x": None, "n": 2}]
    (tmp_path / "t.tsv").write_text("id\tx\tn\n007\t1.5\t1\n7\t\t2\n", encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.PQ")
    (tmp_path / "t.json").write_text(json.dumps(rows), encoding="utf-8")
    (tmp_path / "t.jsonl").write_text("\n\n".join(map(json.dumps, rows)), encoding="utf-8")
    packed = gzip.compress((tmp_path / "t.jsonl").read_bytes())
    (tmp_path / "t.ndjson.gz").write_bytes(packed)
    places = {"t.tsv": "line 3", "t.PQ": "row 2", "t.json": "row 2", "t.jsonl": "line 3", "t.ndjson.gz": "line 3"}
    for name, place in places.items():
        table = read_table(tmp_path / name)
        assert table.names("id", "id") == ["007", "7"]
        assert str(table.numbers("x", "score", missing="keep").tolist()) == "[1.5, nan]"
        assert table.numbers("n", "count").tolist() == [1, 2]
        assert table.where(1) == place
        with pytest.raises(InvalidOutput, match=rf"{name}: 1 of 2 rows have no 'x' \(score\), first on {place}"):
            table.numbers("x", "score")


def test_columns_that_nobody_uses_are_not_loaded(tmp_path: Path) -> None:
    table = parse_table(b"a,b,a\n1,\xff,3\n", "t.csv", columns={"b"} - {"b"})
    assert table.n == 1
    pq.write_table(pa.table({"a": [1], "b": [2]}), tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet", columns=["b"]).numbers("b", "b").tolist() == [2]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "t.csv is empty"),
        (",\n", "t.csv is empty"),
        ("a,b\n", "t.csv has a header and no rows"),
        ("a,b\n\n , \n", "t.csv has a header and no rows"),
        ("a,b\n1,2\n\n1,2,3\n", "t.csv, line 4: 3 values for 2 columns; is ',' what separates them"),
        ("a,b\n1\n", "t.csv, line 2: 1 values for 2 columns"),
        ("a;b\n1;2\n", r"its header 'a;b' is one column if ',' separates values; it seems to be ';': say `separator: "),
        ("a\tb\n1\t2\n", r"it seems to be '\\t': say `separator: '\\t'`"),
        ('"a";"b"\n1;2\n', "it seems to be ';': say `separator: ';'`"),
        ("a,b\n1,2\n".encode("utf-16-le"), "t.csv is UTF-16 text"),
        ("a,b\n1,2\n".encode("utf-16-be"), "t.csv is UTF-16 text"),
        (b"a,b\n1,2\n\xe4,2\n", "t.csv, line 3 is not UTF-8 text .byte 0xe4"),
        ("a,b\n".encode("utf-16"), 't.csv is UTF-16 text; save the file as UTF-8, in Excel as "CSV UTF-8"'),
        (b"PK\x03\x04 and more", "t.csv is a workbook or another packed file"),
        ('a,b\n1,2\n1,"x\n1,2\n', "t.csv, line 3: a double quote opens a value and is not closed at its end"),
        ('a,b\n1,2\n1,"x"y\n1,2\n', "t.csv, line 3: a double quote opens a value"),
        ('a,b\n1,"2\n3,"4\n', "t.csv, line 2: a double quote opens a value"),
    ],
)
def test_what_is_no_table(content: str | bytes, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        csv(content)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("t.jsonl", b'{"a": 1}\n\n{"a": ', "t.jsonl, line 3 is no JSON: Expecting value"),
        ("t.jsonl", b"[1, 2]", r"t.jsonl, line 1: a row must be an object with names, not \[1, 2\]"),
        ("t.jsonl", b'{"a": 1, "a": 2}', "line 1: an object has two values 'a'"),
        ("t.jsonl", b'{"a": 1}\n{"a": ' + 5000 * b"7" + b"}", "line 2 holds a number of thousands of digits"),
        ("t.jsonl", b'{"a": 1}\n{"\\ud800": 2}', r"the name '\\ud800' holds half of a surrogate pair"),
        ("t.jsonl", b'{"a": 1}\n\xff', "t.jsonl, line 2 is not UTF-8 text"),
        ("t.jsonl", b"\n", "t.jsonl has no rows"),
        ("t.json", b'{"a": 1}', r"t.json must hold a list of objects.*to_json\(orient="),
        ("t.json", b'{"a": 1}\n{"a": 2}', "t.json is no JSON: Extra data .*; JSON Lines end in .jsonl"),
        ("t.jsonl", b'[{"a": 1},\n{"a": 2}]', "t.jsonl, line 1 is no JSON: .*; a list of objects ends in .json"),
        ("t.jsonl", b'{"a": 1},\n{"a": 2},', "t.jsonl, line 1 is no JSON: Extra data .*; a line holds one object"),
        ("t.jsonl", '{"a": 1}'.encode("utf-16"), "t.jsonl is UTF-16 text"),
        ("t.json", '[{"a": 1}]'.encode("utf-16-le"), "t.json is UTF-16 text"),
        ("t.csv", b'{"a": 1, "b": 2}', "t.csv holds JSON; let its name end in .jsonl"),
        ("t.csv", b' [ {"a": 1}]', "t.csv holds JSON"),
        ("t.csv.gz", gzip.compress(b"a,b", mtime=0), "t.csv.gz is gzipped twice; unpack it once"),
        ("t.csv.bz2", bz2.compress(b"a,b"), "is packed, and not by gzip"),
        ("t.csv.xz", lzma.compress(b"a,b"), "is packed, and not by gzip"),
        ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "t.xls is an old Excel workbook"),
        ("t.xlsx", b"PK\x03\x04", "t.xlsx is a workbook"),
        ("t.csv", b"PAR1\x15", "t.csv is Parquet; let its name end in .parquet"),
        ("t.csv", b"version https://git-lfs.github.com/spec/v1\noid", "t.csv is a pointer of Git LFS, not the file"),
        ("t.csv", b"\n<!DOCTYPE HTML>\n<html>", "t.csv is a web page; download the file itself"),
        ("t.csv", b"# made by a\n#\na,b,c\n1,2,3\n", "line 3: 3 values for 1 columns: its first line .* '# made by a'"),
        ("t.csv", b"Name;x;y\nA;1,5;1\nB;2,5;0\n", "it seems to be ';': say `separator: ';'`"),
        ("t.json", b'[{"a": 1},\n {"a": }]', "t.json is no JSON: Expecting value .line 2, column 8"),
        ("t.dat", b"a;b\n", r"t.dat: what separates its values\? Say `separator: ','`, `separator: whitespace`"),
    ],
)
def test_what_is_no_table_of_its_kind(name: str, content: bytes, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        parse_table(content, name)


def test_a_name_with_a_point_is_no_field_of_another_column(tmp_path: Path) -> None:
    nested = pa.array([{"b": 9, "c": 8}, {"b": 7, "c": 6}])
    pq.write_table(pa.table({"a": nested, "y": [1, 0], "a.b": [0.25, 0.5]}), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet", columns=["a.b", "y"])
    assert table.numbers("a.b", "score").tolist() == [0.25, 0.5]
    assert table.numbers("y", "label").tolist() == [1, 0]


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
def test_the_line_of_excel_in_any_spelling(line: str) -> None:
    table = csv(f"{line}\r\na;b\r\n1;2\r\n")
    assert (table.texts("b", "b"), table.where(0)) == (["2"], "line 3")


def test_a_name_is_found_however_its_letters_are_composed() -> None:
    """A Mac decomposes, a keyboard composes."""
    for written, asked in (("Gro\u0308\xdfe", "Gr\xf6\xdfe"), ("Gr\xf6\xdfe", "Gro\u0308\xdfe")):
        for name, content in (("t.csv", f"{written},y\n1,2\n"), ("t.jsonl", json.dumps({written: "1", "y": "2"}))):
            assert parse_table(content.encode(), name, columns=[asked]).texts(asked, "x") == ["1"]
    assert csv("\ufeff\ufeffid,x\xa0y\n1,2\n").texts("id", "x") == ["1"]
    assert csv("\ufeff\ufeffid,x\xa0y\n1,2\n").texts("x y", "x") == ["2"]
    both = csv("Gro\u0308\xdfe,Gr\xf6\xdfe\n1,2\n")
    assert both.texts("Gr\xf6\xdfe", "x") == ["2"], "as it is written, where it is"
    with pytest.raises(InvalidOutput, match="has 2 columns"):
        csv("a\xa0b,a  b\n1,2\n").texts("a b", "x")


def test_a_file_without_names_says_how_to_give_them() -> None:
    with pytest.raises(InvalidOutput, match=r"it has 39, State-gov; if its first line holds values, .* `header:`"):
        csv("39,State-gov\n50,Private\n").texts("y", "label")


def test_a_constant_that_is_no_json_does_no_harm_where_nobody_needs_it() -> None:
    """Python writes NaN where a value is missing."""
    table = parse_table(b'{"a": 1, "b": NaN, "c": [[1, {"d": -Infinity}]]}\n{"a": 2, "b": 1, "c": []}', "t.jsonl")
    assert table.numbers("a", "score").tolist() == [1, 2]
    for ask in (table.texts, table.numbers, table.values, table.categories):
        with pytest.raises(InvalidOutput, match="line 1: NaN is no JSON; write null where a value is missing"):
            ask("b", "x")
    with pytest.raises(InvalidOutput, match="line 1: -Infinity is no JSON"):
        table.values("c", "x")


def test_fields_of_objects_are_made_columns(tmp_path: Path) -> None:
    with pytest.raises(InvalidOutput, match=r"'a' holds an object, .* as pandas.json_normalize does"):
        parse_table(b'{"a": {"b": 1}}', "t.jsonl").texts("a", "x")
    pq.write_table(pa.table({"a": pa.array([{"b": 1}])}), tmp_path / "t.parquet")
    with pytest.raises(InvalidOutput, match="holds struct<b: int64>, not numbers; make its fields columns of their"):
        read_table(tmp_path / "t.parquet").numbers("a", "x")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"nothing.csv is not there; `path:` must name a table \(.csv, .tsv"):
        read_table(tmp_path / "nothing.csv")
    (tmp_path / "t.parquet").write_bytes(b"PAR?")
    with pytest.raises(InvalidOutput, match=r"t\.parquet cannot be read as Parquet"):
        read_table(tmp_path / "t.parquet")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n")[:-9])
    with pytest.raises(InvalidOutput, match=r"t\.csv\.gz is a damaged gzip file"):
        read_table(tmp_path / "t.csv.gz")
    for name in ("t.jsonl", "t.parquet"):
        with pytest.raises(InvalidOutput, match=rf"{name} ends in \.\w+; `separator:` is for separated text"):
            parse_table(b"{}", name, ",")
    with pytest.raises(MissingData, match="is a folder; `path:` must name a table"):
        read_table(tmp_path)
    with pytest.raises(InvalidOutput, match=r"the separator '::' must be one character"):
        csv("a,b\n1,2\n", separator="::")
    with pytest.raises(InvalidOutput, match=r"the decimal sign is '.' or ',', not ';'"):
        csv("a,b\n1,2\n", decimal=";")


def test_a_tab_may_be_written_as_the_message_says() -> None:
    assert parse_table(b"a\tb\n1\t2\n", "t.csv", r"\t").texts("b", "x") == ["2"]
