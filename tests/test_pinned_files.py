"""Published files that are known by the name that git gives their content; more in the tests of image sets."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from harness import pinned_files
from harness.api import MissingData, PinnedFile, read_pinned

# What `git hash-object` says of a file that holds "hello\n".
HELLO = PinnedFile(
    "hello.txt", "https://nowhere.invalid/hello.txt", git_blob="ce013625030ba8dba906f756967f9e9ca394464a"
)


def test_content_that_git_knows(tmp_path: Path) -> None:
    (tmp_path / "hello.txt").write_bytes(b"hello\n")
    assert read_pinned(HELLO, tmp_path, download=False) == b"hello\n"
    (tmp_path / "hello.txt").write_bytes(gzip.compress(b"hello\n"))
    assert read_pinned(HELLO, tmp_path, download=False) == b"hello\n"


def test_content_that_git_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "hello.txt").write_bytes(b"hello")
    with pytest.raises(MissingData, match=r"is b6fc4c6\w+ to git, expected ce01362\w+; it is damaged or another file"):
        read_pinned(HELLO, tmp_path, download=False)


def test_a_file_without_any_digest_is_never_right(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"anything")
    with pytest.raises(MissingData, match="damaged or another file"):
        read_pinned(PinnedFile("x", "https://nowhere.invalid/x"), tmp_path, download=False)


def test_what_is_packed_is_not_unpacked_before_it_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a kilobyte may unpack to a gigabyte."""
    monkeypatch.setattr(pinned_files, "MOST_UNPACKED_BYTES", 10_000)
    (tmp_path / "hello.txt").write_bytes(gzip.compress(bytes(1_000_000)))
    with pytest.raises(
        MissingData, match=r"cannot be unpacked \(it unpacks to more than 10,000 bytes\); it is damaged"
    ):
        read_pinned(HELLO, tmp_path, download=False)
    (tmp_path / "hello.txt").write_bytes(gzip.compress(b"hello\n")[:-9])
    with pytest.raises(MissingData, match="cannot be unpacked"):
        read_pinned(HELLO, tmp_path, download=False)
