"""Documents of files: plain text, JSON lines or parquet."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from pathlib import Path
from typing import Any, Literal

from harness.api import Examples, InvalidOutput, MissingData, Table, parse_table, read_table, unpacked_content
from harness_language.corpora.cutting import lines, paragraphs

Split = Literal["all", "train", "validation", "held_out"]
Cut = Literal["file", "paragraph", "line"]
Text = str | bytes

_LINE_BREAK = re.compile(rb"\r\n|\n|\r")
_TEXT, _LINES, _PARQUET = (".txt", ".text", ".md", ".rst"), (".jsonl", ".ndjson"), (".parquet", ".pq")


def texts(path: Path, column: str = "text", cut: Cut = "file", split: Split = "all") -> Examples:
    """Documents of a text, JSON Lines or Parquet file.

    What is no UTF-8 stays bytes, so that the task can count it as a document without a likelihood. A byte order mark at
    the start of a file or of a text is no part of it.

    Args:
        path: a text file, or JSON lines or parquet with a column of texts; gzipped or not, whatever its ending says.
        column: the column with the texts.
        cut: what is a document of a text file: all of it, what empty lines part, or a line.
        split: all, or the part drawn by the hash of each document: 80 % to learn from, 10 % to choose by, 10 % to
            judge by. Equal documents are in the same part. Who learns from the file must be judged by `held_out`.

    Raises:
        MissingData: there is no such file, or no document in it.
        InvalidOutput: the file cannot be read, or has no such column of texts; with the line.
    """
    if not path.is_file():
        raise MissingData(f"{path} is not a file. `path:` must name a file with texts")
    ending = Path(path.name.lower().removesuffix(".gz")).suffix
    if ending in _TEXT:
        documents = _cut(path.name, unpacked_content(path), cut)
    elif ending in _LINES:
        documents = _json_lines(path, column)
    elif ending in _PARQUET:
        documents = _parquet(path, column)
    else:
        endings = ", ".join((*_TEXT, *_LINES, *_PARQUET))
        raise MissingData(f"{path} ends in {ending or 'nothing'!r}; files with texts end in {endings}")
    chosen = [number for number, text in enumerate(documents) if split in ("all", _split_of(text))]
    if not chosen:
        what = "no documents" if not documents else f"{len(documents)} documents, none of them in the part {split!r}"
        raise MissingData(f"{path} holds {what}")
    return Examples(
        ids=[f"{path.stem}-{number:05d}" for number in chosen],
        columns={"texts": [documents[number] for number in chosen]},
    )


def _split_of(text: Text) -> str:
    content = text.encode() if isinstance(text, str) else text
    drawn = int.from_bytes(hashlib.sha256(content).digest()[:4], "big") / 2**32
    return "train" if drawn < 0.8 else "validation" if drawn < 0.9 else "held_out"


def _cut(name: str, content: bytes, cut: Cut) -> list[Text]:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or content[:2].count(0) == 1:
        raise InvalidOutput(f"{name} is UTF-16 text; save it as UTF-8")
    content = content.removeprefix(codecs.BOM_UTF8)
    if cut == "file":
        return [_decoded(content)] if content else []
    # Bytes that are no UTF-8 become lone surrogates and come back as they were; no cut falls inside of a character.
    whole = _LINE_BREAK.sub(b"\n", content).decode(errors="surrogateescape")
    parts = paragraphs(whole) if cut == "paragraph" else lines(whole)
    return [_decoded(part.encode(errors="surrogateescape")) for part in parts]


def _decoded(content: bytes) -> Text:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def _json_lines(path: Path, column: str) -> list[Text]:
    """The texts of JSON lines; a line that is no UTF-8 is a document that cannot be scored."""
    rows = [_decoded(line) for line in _LINE_BREAK.split(unpacked_content(path).removeprefix(codecs.BOM_UTF8))]
    # In place of such a line stands an object without a text, so that the others keep their numbers.
    lines = [json.dumps({column: None}) if isinstance(row, bytes) else row for row in rows]
    table = parse_table("\n".join(lines).encode(), path.name)
    texts = [_of_json(value, table, row, column) for row, value in enumerate(table.values(column, "texts"))]
    return [row if isinstance(row, bytes) else text for row, text in zip(filter(_is_row, rows), texts, strict=True)]


def _is_row(line: Text) -> bool:
    return bool(line.strip())


def _of_json(value: Any, table: Table, row: int, column: str) -> Text:
    # Nothing is an empty document, which the task counts as one that cannot be scored.
    if value is not None and not isinstance(value, str):
        table.refuse(row, f"column {column!r} holds {value!r:.40}, a {type(value).__name__}, not a text")
    # JSON can spell half of a surrogate pair, for which there is no UTF-8.
    return _document((value or "").encode(errors="surrogatepass"))


def _parquet(path: Path, column: str) -> list[Text]:
    import pyarrow as pa

    table = read_table(path, columns=[column])
    values = table.column(column, "texts")
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    views = (pa.types.is_string_view, pa.types.is_binary_view)
    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary, *views)
    if not any(check(kind) for check in checks):
        raise InvalidOutput(f"{path.name}: column {column!r} holds {kind}, not texts")
    # As bytes, since pyarrow refuses a whole column for one text that is no UTF-8.
    return [_document(value or b"") for value in values.cast(kind).cast(pa.large_binary()).to_pylist()]


def _document(content: bytes) -> Text:
    return _decoded(content.removeprefix(codecs.BOM_UTF8))
