"""A folder as one piece of bytes, for places without a common file system; what comes back is not trusted."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from harness.contract.errors import InvalidOutput

MAX_UNPACKED_BYTES = 1 << 36
"""What an archive may hold, 64 GiB: more than the records and artifacts of any cell, less than a disk."""
MAX_FILES = 100_000


def pack(folder: Path) -> bytes:
    """Return the plain files below a folder as a compressed archive; equal folders give equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                member = tarfile.TarInfo(path.relative_to(folder).as_posix())
                member.size = path.stat().st_size
                with path.open("rb") as file:
                    tar.addfile(member, file)
    packed = bytearray(buffer.getvalue())
    packed[4:8] = bytes(4)  # When it was compressed.
    return bytes(packed)


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
    left = max_bytes
    try:
        with gzip.open(io.BytesIO(archive)) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for n_files, member in enumerate(tar):
                left -= member.size
                if left < 0 or n_files >= MAX_FILES:
                    raise InvalidOutput(f"an archive of more than {max_bytes:,} bytes or {MAX_FILES:,} files")
                _write_member(tar, member, folder)
            # The checksum stands at the end; what follows an archive is none of its files.
            while stream.read(1 << 20):
                raise InvalidOutput("an archive with more behind its end")
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, ValueError, FileExistsError) as error:
        raise InvalidOutput(f"a damaged archive: {error}") from None


def _write_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    source = tar.extractfile(member) if member.isreg() else None
    if source is None or name.is_absolute() or ".." in name.parts or not name.parts:
        raise InvalidOutput(f"an archive with {member.name!r}, which is no plain file inside of it")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        shutil.copyfileobj(source, file)
