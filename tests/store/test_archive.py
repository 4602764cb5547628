"""A folder as one piece of bytes: what was packed comes back, and hostile archives write nothing elsewhere."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.contract.errors import InvalidOutput
from harness.store.archive import pack, unpack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "packed"
    (folder / "artifacts").mkdir(parents=True)
    (folder / "records.parquet").write_bytes(b"\0" * 1000)
    (folder / "artifacts" / "ein Bild ü.png").write_bytes(b"png")
    return folder


def test_what_was_packed_comes_back(folder: Path, tmp_path: Path) -> None:
    (folder / "link").symlink_to("/etc/passwd")
    unpack(pack(folder), tmp_path / "new")
    files = {str(path.relative_to(tmp_path / "new")): path for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert sorted(files) == ["artifacts/ein Bild ü.png", "records.parquet"]
    assert files["records.parquet"].read_bytes() == b"\0" * 1000


def test_equal_folders_give_equal_bytes(folder: Path) -> None:
    before = pack(folder)
    (folder / "records.parquet").touch()
    assert pack(folder) == before


def hostile(change: Callable[[tarfile.TarInfo], None], content: bytes = b"x") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("file")
        member.size = len(content)
        change(member)
        tar.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["../outside", "/tmp/harness-outside", "a/../../outside", "", "."])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidOutput, match="no plain file inside of it"):
        unpack(hostile(lambda member: setattr(member, "name", name)), tmp_path / "new")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_what_is_no_plain_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    def change(member: tarfile.TarInfo) -> None:
        member.type, member.linkname, member.size = kind, "/etc/passwd", 0

    with pytest.raises(InvalidOutput, match="no plain file inside of it"):
        unpack(hostile(change), tmp_path / "new")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = hostile(lambda member: None, bytes(10_000_000))
    assert len(bomb) < 100_000
    with pytest.raises(InvalidOutput, match="an archive of more than 1,000,000 bytes"):
        unpack(bomb, tmp_path / "new", max_bytes=1_000_000)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("cut", [0, 10, 60, -4])
def test_a_cut_archive_is_refused(folder: Path, tmp_path: Path, cut: int) -> None:
    with pytest.raises(InvalidOutput, match="a damaged archive"):
        unpack(pack(folder)[:cut], tmp_path / "new")


def test_a_file_twice_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for _ in range(2):
            tar.addfile(tarfile.TarInfo("file"))
    with pytest.raises(InvalidOutput, match="a damaged archive"):
        unpack(buffer.getvalue(), tmp_path / "new")
