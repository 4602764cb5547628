"""Files are written whole, reach the disk, and nothing of a killed writer stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.files import can_write, empty, make_way, write_whole


def test_a_file_and_its_folder_reach_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr("os.fsync", lambda number: synced.append(Path(f"/proc/self/fd/{number}").readlink()))
    write_whole(tmp_path / "a.json", b"1")
    assert synced[0].match(f".a.json.*+{os.getpid()}-*.tmp")
    assert synced[1:] == [tmp_path]
    assert (tmp_path / "a.json").read_bytes() == b"1"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    old, new, other = (tmp_path / f".{name}.tmp" for name in ("a.json.1", "a.json.2", "b.json.1"))
    for path in (old, new, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (0, 0))
    write_whole(tmp_path / "a.json", b"1")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.json.2.tmp", ".b.json.1.tmp", "a.json"]


def test_way_is_made_for_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "log.txt"
    (folder / "inner").mkdir(parents=True)
    make_way(folder).write_text("log")
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / "key.json").symlink_to(outside)
    make_way(tmp_path / "key.json").write_text("key")
    make_way(tmp_path / "gone" / "key.json").write_text("key")
    assert outside.read_text() == "mine"
    assert folder.read_text() == "log"


def test_a_folder_is_emptied_and_probed(tmp_path: Path) -> None:
    folder = tmp_path / "cell"
    empty(folder)
    (folder / "x").mkdir()
    (folder / "link").symlink_to(tmp_path)
    empty(folder)
    assert list(folder.iterdir()) == []
    assert can_write(folder)
    assert not can_write(tmp_path / "nothing")
