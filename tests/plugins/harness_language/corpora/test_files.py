"""Documents of files: how each kind is read, and what is said of a file that cannot be."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.api import HarnessError, InvalidOutput, MissingData
from harness_language.corpora.files import texts


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


PROSE = "One.\nTwo ü.\r\n\r\n  Three.\n \n\nFour.\n".encode()


@pytest.mark.parametrize(
    ("cut", "documents"),
    [
        ("file", [PROSE.decode()]),
        ("paragraph", ["One.\nTwo ü.", "  Three.", "Four."]),
        ("line", ["One.", "Two ü.", "  Three.", "Four."]),
    ],
)
def test_a_text_is_cut(tmp_path: Path, cut: Any, documents: list[str]) -> None:
    data = texts(written(tmp_path, "prose.txt", PROSE), cut=cut)
    assert data.columns["texts"] == documents
    assert data.ids[0] == "prose-00000"


ENDINGS = ["à", "х", "م", "υ", "Å", "Š", "中", "堅", "…", "\u00a0", "\u0085", "\u2003", "\u3000", "\u2028", "\x1c"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("cut", ["paragraph", "line"])
def test_the_last_character_of_a_document_is_kept(tmp_path: Path, cut: Any, ending: str) -> None:
    """The last byte of many characters, 85 or A0, is white space in Latin-1."""
    documents = [f"one {ending}", f"{ending} two {ending}", ending]
    path = written(tmp_path, "a.txt", "\n\n".join(documents).encode() + b"\n\n\xa0\n")
    assert texts(path, cut=cut).columns["texts"] == [*documents, b"\xa0"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_system(tmp_path: Path, end: str) -> None:
    """A lone carriage return ended the lines of old Macintosh files."""
    path = written(tmp_path, "a.txt", end.join(["one", "two", "", "three", ""]).encode())
    assert texts(path, cut="line").columns["texts"] == ["one", "two", "three"]
    assert texts(path, cut="paragraph").columns["texts"] == ["one\ntwo", "three"]
    rows = end.join(['{"text": "a"}', "", '{"text": 1}']).encode()
    with pytest.raises(InvalidOutput, match=r"a\.jsonl, line 3: column 'text' holds 1, a int"):
        texts(written(tmp_path, "a.jsonl", rows))
    with pytest.raises(InvalidOutput, match=r"a\.jsonl, line 2 is no JSON"):
        texts(written(tmp_path, "a.jsonl", end.join(['{"text": "a"}', "{"]).encode()))


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.TXT.GZ"])
def test_a_packed_file_is_known_by_its_first_bytes(tmp_path: Path, name: str) -> None:
    content = b'{"text": "one"}' if "jsonl" in name else b"one"
    for packed in (content, gzip.compress(content)):
        assert texts(written(tmp_path, name, packed)).columns["texts"] == ["one"]


def test_trailing_ascii_white_space_of_a_paragraph_is_none_of_it(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", b"one \t\x0b\x0c\r\n\r\n \x0c \n\n  two\r\n")
    assert texts(path, cut="paragraph").columns["texts"] == ["one", "  two"]


MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


@pytest.mark.parametrize("cut", ["file", "paragraph", "line"])
def test_one_byte_order_mark_is_no_text(tmp_path: Path, cut: Any) -> None:
    """A second one is, and so is one inside."""
    assert texts(written(tmp_path, "a.txt", f"{MARK}a".encode()), cut=cut).columns["texts"] == ["a"]
    twice = texts(written(tmp_path, "a.txt", f"{MARK}{MARK}a{MARK}".encode()), cut=cut)
    assert twice.columns["texts"] == [f"{MARK}a{MARK}"]
    with pytest.raises(MissingData, match="holds no documents"):
        texts(written(tmp_path, "a.txt", MARK.encode()), cut=cut)


def test_a_byte_order_mark_of_json_lines_and_parquet_is_no_text(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", f'{MARK}{{"text": "a"}}\n{{"text": "{MARK}b"}}\n'.encode())
    assert texts(path).columns["texts"] == ["a", "b"]
    pq.write_table(pa.table({"text": [f"{MARK}a", "b"]}), tmp_path / "a.parquet")
    assert texts(tmp_path / "a.parquet").columns["texts"] == ["a", "b"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_no_text(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(InvalidOutput, match=r"a\.txt is UTF-16 text; save it as UTF-8"):
        texts(written(tmp_path, "a.txt", "hello".encode(encoding)))
    assert texts(written(tmp_path, "a.txt", b"a b\0c")).columns["texts"] == ["a b\0c"]


def test_what_is_no_utf8_stays_bytes(tmp_path: Path) -> None:
    data = texts(written(tmp_path, "a.txt", b"good\nb\xffd\n\xe2\x82\xac"), cut="line")
    assert data.columns["texts"] == ["good", b"b\xffd", "€"]
    lines = texts(written(tmp_path, "a.jsonl", b'{"text": "good"}\n{"text": "\xff"}\n'))
    assert lines.columns["texts"] == ["good", b'{"text": "\xff"}']
    table = pa.table({"text": pa.array([b"good", b"b\xffd", None], pa.binary())})
    for kind in (pa.binary(), pa.string()):
        column = pa.Array.from_buffers(kind, 3, table["text"].combine_chunks().buffers())
        pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
        assert texts(tmp_path / "a.parquet").columns["texts"] == ["good", b"b\xffd", ""]


def test_json_lines(tmp_path: Path) -> None:
    rows = [{"body": "one\ntwo", "n": 1}, {"body": ""}, {"body": None}]
    content = "\n\n".join(map(json.dumps, rows)).encode() + b"\n"
    data = texts(written(tmp_path, "x.jsonl", content), column="body")
    assert data.columns["texts"] == ["one\ntwo", "", ""]


def test_half_of_a_surrogate_pair_is_no_utf8(tmp_path: Path) -> None:
    """JSON can spell it; a whole pair is one character."""
    path = written(tmp_path, "x.jsonl", b'{"text": "ab\\ud83d"}\n{"text": "\\ud83d\\ude42"}\n')
    assert texts(path).columns["texts"] == [b"ab\xed\xa0\xbd", "\U0001f642"]
    texts(path, split="train")


def test_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": ["one", "two"], "n": [1, 2]}), tmp_path / "x.parquet")
    assert texts(tmp_path / "x.parquet", column="body").columns["texts"] == ["one", "two"]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_parquet_of_every_kind_of_text(tmp_path: Path, kind: pa.DataType) -> None:
    pq.write_table(pa.table({"text": pa.array(["one", "à", None, "one"], kind)}), tmp_path / "x.PARQUET")
    assert texts(tmp_path / "x.PARQUET").columns["texts"] == ["one", "à", "", "one"]


def test_packed_files(tmp_path: Path) -> None:
    packed = written(tmp_path, "a.txt.gz", gzip.compress(f"{MARK}one à\n\ntwo".encode()))
    assert texts(packed, cut="paragraph").columns["texts"] == ["one à", "two"]
    lines = written(tmp_path, "a.jsonl.gz", gzip.compress(b'{"text": "one"}\n{"text": "\xff"}\n'))
    assert texts(lines).columns["texts"] == ["one", b'{"text": "\xff"}']


def test_a_line_without_the_column_has_no_text(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", b'{"text": "one"}\n{"other": 1}\n')
    assert texts(path).columns["texts"] == ["one", ""]


def test_splits_share_no_document(tmp_path: Path) -> None:
    lines = [f"document {n % 150}" for n in range(300)]
    path = written(tmp_path, "many.txt", "\n".join(lines).encode())
    splits = {split: texts(path, cut="line", split=split) for split in ("train", "validation", "held_out")}  # type: ignore[arg-type]
    found = [set(data.columns["texts"]) for data in splits.values()]
    assert len(set.union(*found)) == sum(map(len, found)) == 150
    assert sorted(name for data in splits.values() for name in data.ids) == list(texts(path, cut="line").ids)
    assert 90 < len(found[0]) < 135


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"a,b", r"x.csv ends in '.csv'; files with texts end in .txt, .text"),
        ("x", b"a", r"x ends in 'nothing'; files with texts end in"),
        ("x.txt", b"", "x.txt holds no documents"),
        ("x.jsonl", b"\n", "x.jsonl has no rows"),
        ("x.jsonl", b'{"text": "a"}\n{"text": ', r"x.jsonl, line 2 is no JSON: Expecting value \(column 10\)"),
        ("x.jsonl", b'{"a": 1, "b": 2}', r"x.jsonl has no column 'text' for texts; it has a, b"),
        ("x.jsonl", b"[1]", r"x.jsonl, line 1: a row must be an object with names"),
        ("x.jsonl", b'{"text": "a"}\n\n{"text": 3}', r"x.jsonl, line 3: column 'text' holds 3, a int, not a text"),
        ("x.parquet", b"PAR?", "x.parquet cannot be read as Parquet"),
        ("x.txt.gz", b"\x1f\x8bno", "x.txt.gz is a damaged gzip file"),
        ("x.jsonl.gz", b"\x1f\x8bno", "x.jsonl.gz is a damaged gzip file"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        texts(written(tmp_path, name, content))


def test_parquet_without_texts(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1, 2]}), tmp_path / "x.parquet")
    with pytest.raises(InvalidOutput, match=r"x\.parquet has no column 'text' for texts; it has n"):
        texts(tmp_path / "x.parquet")
    with pytest.raises(InvalidOutput, match="column 'n' holds int64, not texts"):
        texts(tmp_path / "x.parquet", column="n")


def test_no_file_and_no_document_in_a_split(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"none.txt is not a file. `path:` must name a file"):
        texts(tmp_path / "none.txt")
    path = written(tmp_path, "one.txt", b"only one")
    texts(path, split="train")
    with pytest.raises(MissingData, match="holds 1 documents, none of them in the part 'held_out'"):
        texts(path, split="held_out")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("cut", ["file", "paragraph", "line"])
def test_utf16_is_refused(tmp_path: Path, cut: Any, encoding: str) -> None:
    with pytest.raises(InvalidOutput, match=r"t\.txt is UTF-16 text; save it as UTF-8"):
        texts(written(tmp_path, "t.txt", "one\n\ntwo".encode(encoding)), cut=cut)
