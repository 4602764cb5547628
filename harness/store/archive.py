"""A folder as one piece of bytes, for places without a common file system; what comes back is not trusted."""

from __future__ import annotations

import errno
import gzip
import io
import shutil
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from harness.contract.errors import InvalidOutput

MAX_UNPACKED_BYTES = 1 << 36
"""What an archive may hold, 64 GiB: more than the records and artifacts of any cell, less than a disk."""
MAX_FILES = 100_000
_MAX_HEADERS = 1 << 28
_WRONG_NAMES = (FileExistsError, NotADirectoryError, IsADirectoryError)


def pack(folder: Path, more: Mapping[str, bytes] | None = None, *, compressed: bool = True) -> bytes:
    """Return the plain files below a folder as an archive; equal folders give equal bytes.

    Args:
        folder: what is packed.
        more: further files by their names.
        compressed: whether it takes less room than its files.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=int(compressed)) as tar:
        for name, content in sorted((more or {}).items()):
            _add(tar, name, io.BytesIO(content), len(content))
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    _add(tar, path.relative_to(folder).as_posix(), file, path.stat().st_size)
    packed = bytearray(buffer.getvalue())
    packed[4:8] = bytes(4)  # When it was compressed.
    return bytes(packed)


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    tar.addfile(member, content)


def unpack(archive: bytes, folder: Path, *, max_bytes: int = MAX_UNPACKED_BYTES) -> None:
    """Write the files of an archive into an empty folder.

    Args:
        archive: as `pack` makes it.
        folder: where its files go; nothing is written elsewhere.
        max_bytes: what they may take together.

    Raises:
        InvalidOutput: it is no such archive, a name leads out of the folder, something is no plain file, or it holds
            too much. Some of its files may have been written then.
        OSError: a file cannot be written.
    """
    left, stream = max_bytes, _Unpacked(archive, max_bytes + _MAX_HEADERS)
    try:
        with stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for n_files, member in enumerate(tar):
                left -= member.size
                if left < 0 or n_files >= MAX_FILES:
                    raise InvalidOutput(f"an archive of more than {max_bytes:,} bytes or {MAX_FILES:,} files")
                _write_member(tar, member, folder)
            # The checksum stands at the end; what follows an archive is none of its files.
            while stream.read(1 << 20):
                raise InvalidOutput("an archive with more behind its end")
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, ValueError, *_WRONG_NAMES) as error:
        raise InvalidOutput(f"a damaged archive: {error}") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InvalidOutput(f"a damaged archive: {error}") from None
        raise


class _Unpacked(gzip.GzipFile):
    """The content of an archive, of which no more than so many bytes are read, headers included."""

    def __init__(self, archive: bytes, max_bytes: int) -> None:
        super().__init__(fileobj=io.BytesIO(archive))
        self._left = max_bytes

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        self._left -= len(content)
        if self._left < 0:
            raise InvalidOutput("an archive with more than its files")
        return content


def _write_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    source = tar.extractfile(member) if member.isreg() else None
    if source is None or name.is_absolute() or ".." in name.parts or not name.parts:
        raise InvalidOutput(f"an archive with {member.name!r}, which is no plain file inside of it")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        shutil.copyfileobj(source, file)
