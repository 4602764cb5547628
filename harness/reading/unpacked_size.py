"""Files that unpack to far more than they hold are refused before memory is taken."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.contract.errors import InvalidOutput

FREE_BYTES = 1 << 30
"""What any file may unpack to."""
MAX_RATIO = 500
"""To how many times its size a larger file may unpack; tables, texts and images shrink to a hundredth at best."""
_BLOCK_BYTES = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS
_FIXED_BYTES = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 8, "FLOAT": 4, "DOUBLE": 8}
_OFFSET_BYTES = 4
_TEXTS, _SHARED_BEGINNINGS = "BYTE_ARRAY", "DELTA_BYTE_ARRAY"


def check_size(name: str, unpacked: int, packed: int) -> None:
    """Raise InvalidOutput for content that unpacks to far more than its file holds.

    Args:
        name: of the file.
        unpacked: bytes that it takes in memory.
        packed: bytes of the file.
    """
    if unpacked > _most(packed):
        raise InvalidOutput(
            f"{name} has {packed:,} bytes and unpacks to {unpacked:,} or more; {FREE_BYTES:,} bytes or {MAX_RATIO} "
            "times its size are allowed; if it is meant, save it without compression"
        )


def _most(packed: int) -> int:
    return max(FREE_BYTES, MAX_RATIO * packed)


def gunzipped(name: str, content: bytes) -> bytes:
    """Return the unpacked content of a gzip file of one or more members.

    Raises:
        InvalidOutput: it unpacks to far more than it holds.
        zlib.error: it is damaged.
        EOFError: it ends in the middle.
    """
    pieces, size = [], 0
    for piece in _gunzipped(content):
        size += len(piece)
        check_size(name, size, len(content))
        pieces.append(piece)
    return b"".join(pieces)


def _gunzipped(content: bytes) -> Iterator[bytes]:
    while content:
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            piece = member.decompress(content, _BLOCK_BYTES)
            content = member.unconsumed_tail
            if not piece and not content and not member.eof:
                raise EOFError("it ends in the middle")
            yield piece
        # Zeros may fill up a file, as of a tape.
        content = member.unused_data.lstrip(b"\0")


def check_zip(path: Path) -> None:
    """Raise InvalidOutput for a zip file, as of `np.savez`, whose members unpack to far more than it holds.

    They say how large they are, and of one that holds more the rest is not read. What is no zip file passes, for its
    reader to refuse.
    """
    try:
        with zipfile.ZipFile(path) as file:
            unpacked = sum(member.file_size for member in file.infolist())
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return
    check_size(path.name, unpacked, path.stat().st_size)


def check_parquet(name: str, source: Any, packed: int, columns: Collection[str] | None = None) -> None:
    """Raise InvalidOutput for a Parquet file whose columns take far more memory than it holds.

    Args:
        name: of the file.
        source: its path, or a file of pyarrow.
        packed: its size in bytes.
        columns: those that will be read; all by default.
    """
    import pyarrow.parquet as pq

    about = pq.ParquetFile(source).metadata
    paths = [about.schema.column(place).path for place in range(about.num_columns)]
    used = [place for place, path in enumerate(paths) if columns is None or path.split(".")[0] in columns]
    chunks = [(group, place) for group in range(about.num_row_groups) for place in used]
    least = sum(_least_bytes(about, *chunk) for chunk in chunks)
    check_size(name, least, packed)
    # No text is longer than its chunk, and a text may stand there once for all rows.
    if least + sum(_most_bytes_of_texts(about, *chunk) for chunk in chunks) <= _most(packed):
        return
    for chunk in chunks:
        _refuse_shared_beginnings(name, about, *chunk)
    texts = [paths[place] for place in used if about.schema.column(place).physical_type == _TEXTS]
    check_size(name, least + _bytes_of_texts(source, texts), packed)


def _values(about: Any, group: int, place: int) -> int:
    values: int = max(about.row_group(group).num_rows, about.row_group(group).column(place).num_values)
    return values


def _least_bytes(about: Any, group: int, place: int) -> int:
    column = about.schema.column(place)
    width = _FIXED_BYTES.get(column.physical_type) or max(column.length or 0, _OFFSET_BYTES)
    unpacked: int = about.row_group(group).column(place).total_uncompressed_size
    return max(_values(about, group, place) * width, unpacked)


def _most_bytes_of_texts(about: Any, group: int, place: int) -> int:
    chunk = about.row_group(group).column(place)
    most: int = _values(about, group, place) * chunk.total_uncompressed_size
    return most if chunk.physical_type == _TEXTS else 0


def _refuse_shared_beginnings(name: str, about: Any, group: int, place: int) -> None:
    chunk = about.row_group(group).column(place)
    if _SHARED_BEGINNINGS in chunk.encodings and _most_bytes_of_texts(about, group, place) > FREE_BYTES:
        raise InvalidOutput(
            f"{name}: texts of {chunk.path_in_schema!r} share their beginnings ({_SHARED_BEGINNINGS}) and may take "
            f"{_most_bytes_of_texts(about, group, place):,} bytes; save it in another encoding, as pyarrow does"
        )


def _bytes_of_texts(source: Any, paths: Sequence[str]) -> int:
    """Return how many bytes the texts of columns take where each is written out; each is read once for that."""
    import pyarrow.parquet as pq

    if hasattr(source, "seek"):
        source.seek(0)
    table = pq.ParquetFile(source, read_dictionary=list(paths)).read(columns=sorted({p.split(".")[0] for p in paths}))
    return sum(_bytes_of(chunk) for column in table.columns for chunk in column.chunks)


def _bytes_of(array: Any) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(array, pa.DictionaryArray):
        lengths = pc.binary_length(array.dictionary)
        written: int | None = pc.sum(pc.cast(lengths.take(array.indices), pa.int64())).as_py()
        return written or 0
    if isinstance(array, pa.StructArray):
        return sum(_bytes_of(field) for field in array.flatten())
    return _bytes_of(array.values) if isinstance(array, pa.ListArray | pa.LargeListArray | pa.MapArray) else 0
