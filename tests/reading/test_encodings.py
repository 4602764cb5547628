"""Tables of other encodings: read as declared, never guessed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from harness.contract.errors import InvalidOutput
from harness.reading.files import parse_table, read_table

NAMES = ["Müller", "Ångström", "naïve", "œuvre"]
TEXT = "name;x\r\n" + "".join(f"{name};1,5\r\n" for name in NAMES)


@pytest.mark.parametrize("encoding", ["windows-1252", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8"])
def test_a_declared_encoding_gives_the_texts(encoding: str) -> None:
    table = parse_table(TEXT.encode(encoding), "t.csv", ";", decimal=",", encoding=encoding)
    assert list(table.texts("name", "names")) == NAMES
    assert table.numbers("x", "x").tolist() == [1.5] * 4


def test_a_byte_order_mark_is_no_text_in_any_encoding() -> None:
    for encoding in ("utf-16-le", "utf-8"):
        assert parse_table(("\ufeff" + TEXT).encode(encoding), "t.csv", ";", encoding=encoding).header[0] == "name"


def test_encoded_json_and_packed_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(json.dumps({"name": "Müller"}, ensure_ascii=False).encode("latin-1"))
    assert list(read_table(tmp_path / "t.jsonl", encoding="latin-1").texts("name", "names")) == ["Müller"]
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(TEXT.encode("cp1252")))
    assert list(read_table(tmp_path / "t.csv.gz", ";", encoding="cp1252").texts("name", "names")) == NAMES


@pytest.mark.parametrize(
    ("content", "encoding", "told"),
    [
        (b"a,b\n1,2\n", "rot13", "t.csv: 'rot13' is no encoding of text; say utf-8"),
        (b"a,b\n1,2\n", "zip", "'zip' is no encoding of text"),
        (b"a,b\n1,2\n", "Excel", "'Excel' is no encoding of text"),
        (b"a,b\n1,2\n", "a\0b", "is no encoding of text"),
        (b"a,b\n1,2\nx\x81,2\n", "windows-1252", "t.csv is not windows-1252 text .byte 0x81, about line 3"),
        (b"a,b\n1,2\nx", "utf-16", "t.csv is not utf-16 text"),
        (
            b"a,b\n1,2\nx\xe4,2\n",
            "utf-8",
            "line 3 is not UTF-8 text .byte 0xe4 .*say its `encoding:`, such as windows-1252",
        ),
    ],
)
def test_what_is_not_of_the_encoding_is_refused(content: bytes, encoding: str, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        parse_table(content, "t.csv", encoding=encoding)


def test_parquet_says_itself_how_it_is_encoded(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    with pytest.raises(InvalidOutput, match="`encoding:` is for text files"):
        read_table(tmp_path / "t.parquet", encoding="latin-1")
