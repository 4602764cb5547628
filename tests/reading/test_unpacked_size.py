"""Small files that unpack to gigabytes are refused before memory is taken."""

from __future__ import annotations

import gzip
import io
import json
import resource
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.contract.errors import InvalidOutput
from harness.reading import unpacked_size
from harness.reading.files import read_table, unpacked_content
from harness.reading.image_arrays import arrays_of
from harness.reading.saved_data_sets import read_saved_data_set
from harness.reading.unpacked_size import check_parquet, check_size, gunzipped

MIB = 1 << 20
MOST_GROWTH = 400 * MIB


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that small files pass, so that nothing large need be made."""
    monkeypatch.setattr(unpacked_size, "FREE_BYTES", MIB)


def repeated(text: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


def write(path: Path, table: pa.Table, **how: object) -> Path:
    pq.write_table(table, path, compression="zstd", store_schema=False, write_statistics=False, **how)
    return path


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_a_parquet_file_of_a_kilobyte_that_unpacks_to_200_gigabytes(tmp_path: Path) -> None:
    path = write(tmp_path / "bomb.parquet", pa.table({"text": repeated("x" * 1_000_000, 200_000)}))
    assert path.stat().st_size < 2000
    before = peak()
    with pytest.raises(InvalidOutput, match=r"bomb\.parquet has [\d,]+ bytes and unpacks to 200,\d{3},\d{3},\d{3} "):
        read_table(path)
    with pytest.raises(InvalidOutput, match="unpacks to 200,"):
        read_saved_data_set(path.parent)
    assert peak() - before < MOST_GROWTH


@pytest.mark.parametrize("kind", ["list", "struct", "numbers", "fixed", "gzipped"])
def test_bombs_of_other_columns(small: None, tmp_path: Path, kind: str) -> None:
    rows = 300_000
    columns = {
        "list": pa.ListArray.from_arrays(pa.array(np.arange(rows + 1), pa.int32()), repeated("x" * 100, rows)),
        "struct": pa.StructArray.from_arrays([repeated("x" * 100, rows)], ["inner"]),
        "numbers": pa.array(np.zeros(rows), pa.float64()),
        "fixed": pa.array([b"x" * 100] * rows, pa.binary(100)),
        "gzipped": repeated("x" * 100, rows),
    }
    path = write(tmp_path / "bomb.parquet", pa.table({"a": columns[kind]}))
    if kind == "gzipped":
        path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(InvalidOutput, match="bytes and unpacks to"):
        read_table(path)
    # A column that is not read takes no memory.
    other = write(tmp_path / "other.parquet", pa.table({"a": columns[kind], "b": np.arange(rows)}))
    assert read_table(other, columns=["b"]).n == rows


def test_texts_that_share_their_beginnings(small: None, tmp_path: Path) -> None:
    how = {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}}
    path = write(tmp_path / "delta.parquet", pa.table({"text": ["x" * 10_000] * 1000}), **how)
    with pytest.raises(InvalidOutput, match=r"texts of 'text' share their beginnings .* may take [\d,]+ bytes"):
        read_table(path)
    few = write(tmp_path / "few.parquet", pa.table({"text": ["a", "ab"]}), **how)
    assert read_table(few).n == 2


def test_what_is_large_and_repeats_itself_a_little_passes(small: None, tmp_path: Path) -> None:
    words = [f"text {i} {'y' * 50}" for i in range(1000)]
    path = write(
        tmp_path / "honest.parquet",
        pa.table({"text": [words[i] for i in np.random.default_rng(0).integers(1000, size=100_000)]}),
    )
    assert read_table(path).n == 100_000


def test_gzip(small: None, tmp_path: Path) -> None:
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    content = packed.compress(bytes(50 * MIB)) + packed.flush()
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(content)
    for read in (unpacked_content, read_table):
        with pytest.raises(InvalidOutput, match=r"bomb\.csv\.gz has [\d,]+ bytes and unpacks to"):
            read(path)
    two = gzip.compress(b"one") + gzip.compress(b"two") + bytes(512)
    assert gunzipped("two", two) == gzip.decompress(two) == b"onetwo"
    assert gunzipped("none", b"") == b""
    with pytest.raises(EOFError, match="in the middle"):
        gunzipped("torn", gzip.compress(bytes(range(256)) * 10)[:-20])
    with pytest.raises(zlib.error):
        gunzipped("no gzip", gzip.compress(b"one") + b"junk")


def test_zip(small: None, tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", images=np.zeros((50, MIB), np.uint8))
    with pytest.raises(InvalidOutput, match=r"bomb\.npz has [\d,]+ bytes and unpacks to 52,"):
        arrays_of(tmp_path / "bomb.npz")
    np.savez_compressed(tmp_path / "fine.npz", images=np.random.default_rng(0).normal(size=(10, 10)))
    assert arrays_of(tmp_path / "fine.npz")["images"].shape == (10, 10)


@pytest.mark.parametrize("shape", ["(100000000000000,)", "(1000000, 1000000, 1000)"])
def test_arrays_whose_head_lies(tmp_path: Path, shape: str) -> None:
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    content = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + bytes(64)
    (tmp_path / "lies.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "lies.npz", "w") as file:
        file.writestr("images.npy", content)
    for name in ("lies.npy", "lies.npz"):
        with pytest.raises(InvalidOutput, match=rf"{name} cannot be read as arrays"):
            arrays_of(tmp_path / name)


@pytest.mark.parametrize(
    "value", ["1e999", "9" * 5000, "[" * 100_000, '{"a":' * 100_000, "-1e400", "1" + "0" * 400 + ".0"]
)
def test_numbers_and_nesting_of_json(tmp_path: Path, value: str) -> None:
    for name, text in (("a.json", f'[{{"x": {value}}}]'), ("a.jsonl", f'{{"x": {value}}}\n')):
        (tmp_path / name).write_text(text)
        with pytest.raises(InvalidOutput, match=r"a\.jsonl?"):
            read_table(tmp_path / name).numbers("x", "score")


def test_a_size_is_said_as_it_is() -> None:
    check_size("fine", 1 << 30, 10)
    check_size("fine", 500 << 30, 1 << 30)
    with pytest.raises(InvalidOutput, match="x has 10 bytes and unpacks to 1,073,741,825 or more"):
        check_size("x", (1 << 30) + 1, 10)
    buffer = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), buffer)
    check_parquet("fine", pa.BufferReader(buffer.getvalue()), buffer.tell())
    assert json.loads("1") == 1
