"""Documents of files: plain text, JSON lines or parquet."""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from harness.api import Examples, MissingData
from harness_language.corpora.cutting import lines, paragraphs

Split = Literal["all", "train", "validation", "held_out"]
Cut = Literal["file", "paragraph", "line"]
Text = str | bytes

_TEXT, _LINES, _PARQUET = (".txt", ".text", ".md", ".rst"), (".jsonl", ".ndjson"), (".parquet", ".pq")


def texts(path: Path, column: str = "text", cut: Cut = "file", split: Split = "all") -> Examples:
    """Documents of a text, JSON Lines or Parquet file.

    What is no UTF-8 stays bytes, so that the task can count it as a document without a likelihood. A byte order mark at
    the start of a file or of a text is no part of it.

    Args:
        path: a text file, or JSON lines or parquet with a column of texts.
        column: the column with the texts.
        cut: what is a document of a text file: all of it, what empty lines part, or a line.
        split: all, or the part drawn by the hash of each document: 80 % to learn from, 10 % to choose by, 10 % to
            judge by. Equal documents are in the same part. Who learns from the file must be judged by `held_out`.

    Raises:
        MissingData: the file or the column is not there, or the file cannot be read.
    """
    if not path.is_file():
        raise MissingData(f"{path} is not a file. `path:` must name a file with texts")
    ending = path.suffix.lower()
    if ending in _TEXT:
        documents = _cut(path.read_bytes(), cut)
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


def _cut(content: bytes, cut: Cut) -> list[Text]:
    content = content.removeprefix(codecs.BOM_UTF8)
    if cut == "file":
        return [_decoded(content)] if content else []
    # Bytes that are no UTF-8 become lone surrogates and come back as they were; no cut falls inside of a character.
    whole = content.decode(errors="surrogateescape").replace("\r\n", "\n")
    parts = paragraphs(whole) if cut == "paragraph" else lines(whole)
    return [_decoded(part.encode(errors="surrogateescape")) for part in parts]


def _decoded(content: bytes) -> Text:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def _document(content: bytes) -> Text:
    return _decoded(content.removeprefix(codecs.BOM_UTF8))


def _json_lines(path: Path, column: str) -> list[Text]:
    documents: list[Text] = []
    for number, line in enumerate(path.read_bytes().removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        if not line.strip():
            continue
        decoded = _decoded(line)
        documents.append(decoded if isinstance(decoded, bytes) else _field(decoded, column, f"{path}:{number}"))
    return documents


def _field(line: str, column: str, where: str) -> Text:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise MissingData(f"{where} is not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(record, dict):
        raise MissingData(f"{where} holds a {type(record).__name__}; each line must be an object with texts")
    if column not in record:
        raise MissingData(f"{where} lacks the column {column!r}; {_columns(list(record))}")
    return _checked(record[column], column, where)


def _checked(value: Any, column: str, where: str) -> Text:
    # Nothing is an empty document, which the task counts as one that cannot be scored.
    if value is not None and not isinstance(value, str):
        raise MissingData(f"{where}: column {column!r} holds a {type(value).__name__}, not a text")
    # JSON can spell half of a surrogate pair, for which there is no UTF-8.
    return _document((value or "").encode(errors="surrogatepass"))


def _parquet(path: Path, column: str) -> list[Text]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
        if column not in schema.names:
            raise MissingData(f"{path} lacks the column {column!r}; {_columns(schema.names)}")
        values = pq.read_table(path, columns=[column]).column(column)
    except pa.ArrowInvalid as error:
        raise MissingData(f"{path} is not a parquet file: {error}") from error
    kind = values.type
    if not any(check(kind) for check in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)):
        raise MissingData(f"{path}: column {column!r} holds {kind}, not texts")
    # As bytes, since pyarrow refuses a whole column for one text that is no UTF-8.
    return [_document(value or b"") for value in values.cast(pa.large_binary()).to_pylist()]


def _columns(names: Sequence[str]) -> str:
    return f"it has {', '.join(names)}; name one with `column:`" if names else "it has none"
