"""The documents of a zip, also those packed with Zstandard, which the zipfile of Python before 3.14 does not unpack."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from harness.contract.errors import InvalidOutput, UsageError
from harness.isolation import one_line
from harness.reading.unpacked_size import check_size

_ZSTANDARD = 93
"""The method of compression in a zip (APPNOTE 6.3.10, section 4.4.5)."""
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")


def documents(content: bytes, name: str) -> dict[str, bytes]:
    """Name to content of every file of a zip. Raises UsageError if it is damaged, or unpacks to far more."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            check_size(name, sum(entry.file_size for entry in entries), len(content))
            return {entry.filename: _unpacked(archive, entry, content) for entry in entries if not entry.is_dir()}
    except (zipfile.BadZipFile, zlib.error, InvalidOutput, OSError, EOFError, ValueError, struct.error) as error:
        raise UsageError(f"{name} is cut off or damaged: {one_line(str(error))}") from None


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, content: bytes) -> bytes:
    if entry.compress_type != _ZSTANDARD:
        return archive.read(entry)
    import pyarrow as pa

    *_, name_length, extra_length = _LOCAL_HEADER.unpack_from(content, entry.header_offset)
    start = entry.header_offset + _LOCAL_HEADER.size + name_length + extra_length
    packed = content[start : start + entry.compress_size]
    unpacked: bytes = pa.decompress(packed, decompressed_size=entry.file_size, codec="zstd", asbytes=True)
    if zlib.crc32(unpacked) != entry.CRC:
        raise zipfile.BadZipFile(f"{entry.filename} is not what was packed")
    return unpacked
