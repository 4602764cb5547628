"""Writing files whole or not at all, with errors that a user can act on; reading those of strangers."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any

from harness.contract.errors import StoreError

_PROBE_BYTES = 1 << 16
_SECONDS_OF_A_WRITE = 600.0
"""Nobody takes longer to write a file; what is older was left by a process that was killed."""
MAX_DOCUMENT_BYTES = 1 << 30
"""Size of a JSON file or log that is read into memory; the table of 100,000 rows has a fifth of it."""
_KINDS = {
    stat.S_IFLNK: "a symbolic link, which is not followed",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn errors of the operating system inside into a StoreError about this folder."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"the results folder {str(folder)!r} cannot be written: {_why(error)}") from error


def _why(error: OSError) -> str:
    # Arrow puts the number into its message only.
    number = re.search(r"\[errno (\d+)\]", str(error), re.IGNORECASE)
    return os.strerror(int(number[1])) if number else error.strerror or str(error)


def write_whole(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file by way of a neighbour, so that a reader finds the old content or the new. Raises OSError.

    Args:
        path: the file.
        content: what it holds then.
        durable: whether this holds after a loss of power too, which costs milliseconds.
    """
    with _written_beside(path, content, durable=durable) as staged:
        staged.replace(path)


def create_whole(path: Path, content: bytes) -> None:
    """Write a file that is not there yet: of several writers, on any machine, one succeeds, and readers find it whole.

    Raises:
        FileExistsError: it is there.
        OSError: it cannot be written, or the file system has no hard links.
    """
    with _written_beside(path, content, durable=True) as staged:
        os.link(staged, path)


@contextmanager
def _written_beside(path: Path, content: bytes, *, durable: bool) -> Iterator[Path]:
    """A neighbour of a file with its content, to be put in its place; what is left of it goes at the end."""
    staged = path.with_name(f".{path.name}.{os.uname().nodename}+{os.getpid()}-{secrets.token_hex(3)}.tmp")
    _sweep(path)
    try:
        with staged.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        yield staged
        if durable:
            sync(path.parent)
    finally:
        staged.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Have a file or the names in a folder reach the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(path: Path) -> None:
    """Remove what writers of a file left who were killed."""
    # Not by a pattern, which every name would need one of its own of, compiled anew.
    with suppress(OSError), os.scandir(path.parent) as beside:
        for left in beside:
            if left.name.startswith(f".{path.name}.") and left.name.endswith(".tmp"):
                _remove_old(Path(left.path))


def _remove_old(left: Path) -> None:
    with suppress(OSError):
        if time.time() - left.stat().st_mtime > _SECONDS_OF_A_WRITE:
            left.unlink()


def can_write(folder: Path) -> bool:
    """Whether a file can be written into a folder: what could not be written elsewhere there had a fault of its own."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE_BYTES))
    except OSError:
        return False
    return True


def empty(folder: Path) -> None:
    """Remove all that lies in a folder; one that is gone is made again."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)


def make_way(path: Path) -> Path:
    """Return the path of a file to be written, after removing what is no plain file there; its folder is made.

    A cell may have left a folder or a link in the place of one of its files, or have removed its own folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return path


def default_folder(name: str) -> Path:
    """Return a folder of the user's cache, such as that for downloads of a data set."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "harness" / name


def write_checked(path: Path, content: bytes) -> None:
    """Write a file and its folder so that `read_checked` can tell whether it is still whole. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, hashlib.sha256(content).hexdigest().encode() + b"\n" + content, durable=False)


def read_checked(path: Path) -> bytes | None:
    """Return what `write_checked` wrote; None if there is no such file or it is damaged."""
    raw = path.read_bytes() if path.is_file() else b""
    digest, _, content = raw.partition(b"\n")
    return content if digest == hashlib.sha256(content).hexdigest().encode() else None


def open_plain(path: Path) -> BufferedReader:
    """Open a file for reading that somebody else may have put there.

    Raises:
        OSError: it is no plain file: a link may lead to a file of the reader's, a pipe or a device has no end.
    """
    mode = path.lstat().st_mode
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"it is {kind_of(mode)}", str(path))
    # Whoever puts another in its place meanwhile is not followed or waited for either.
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def kind_of(mode: int) -> str:
    """Return in words what a path is that is no plain file."""
    return _KINDS.get(stat.S_IFMT(mode), "no plain file")


def read_plain(path: Path, most_bytes: int = MAX_DOCUMENT_BYTES) -> bytes:
    """Return the content of a file that somebody else may have put there.

    Raises:
        OSError: it is no plain file, or larger.
    """
    with open_plain(path) as file:
        if os.fstat(file.fileno()).st_size > most_bytes:
            raise OSError(errno.EFBIG, f"it has more than {most_bytes:,} bytes", str(path))
        return file.read(most_bytes)


def parse_json(content: bytes) -> Any:
    """Return a JSON document in which every name stands once.

    Raises:
        ValueError: it is no JSON in UTF-8, or a name stands twice in an object: readers differ in which they take.
        RecursionError: it is nested a thousand levels.
    """
    return json.loads(content.decode("utf-8"), object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:60]!r} stands twice in an object")
    return made


def first_special(folder: Path) -> tuple[Path, str] | None:
    """Return the first thing in a folder that is neither a plain file nor a folder, and what it is.

    Nothing is followed, and what vanishes meanwhile is passed over.
    """
    return next(_specials(folder), None)


def _specials(folder: Path) -> Iterator[tuple[Path, str]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _specials(Path(entry.path))
        elif not entry.is_file(follow_symlinks=False):
            with suppress(FileNotFoundError):
                yield Path(entry.path), kind_of(entry.stat(follow_symlinks=False).st_mode)


def drop_specials(folder: Path) -> None:
    """Remove what is neither a plain file nor a folder. Raises OSError."""
    for path, _ in list(_specials(folder)):
        path.unlink(missing_ok=True)
