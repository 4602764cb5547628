"""The store: an entry is there whole or not at all, and never damaged."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.contract.cells import digest
from harness.contract.errors import StoreError
from harness.store.store import Store, is_intact

KEY = "ab" * 32


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def put(store: Store, key: str = KEY, **files: str) -> Path:
    with store.stage() as staged:
        for name, text in (files or {"a": "alpha", "b": "beta"}).items():
            (staged / name).write_text(text, encoding="utf-8")
        return store.commit("cells", key, staged)


def test_what_is_committed_can_be_read(store: Store) -> None:
    put(store)
    folder = store.get("cells", KEY)
    assert folder is not None
    assert (folder / "a").read_text() == "alpha"
    assert store.get("cells", "cd" * 32) is None
    assert store.get("weights", KEY) is None


def test_folders_inside_an_entry(store: Store) -> None:
    with store.stage() as staged:
        (staged / "artifacts").mkdir()
        (staged / "artifacts" / "x.npy").write_bytes(b"123")
        store.commit("cells", KEY, staged)
    folder = store.get("cells", KEY)
    assert folder is not None
    (folder / "artifacts" / "x.npy").write_bytes(b"124")
    assert store.get("cells", KEY) is None


def test_a_stage_that_is_not_committed_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.stage() as staged:
        (staged / "a").write_text("half")
        raise RuntimeError
    assert list((store.root / "staging").iterdir()) == []
    assert store.get("cells", KEY) is None


def test_the_first_writer_wins(store: Store) -> None:
    put(store, a="first")
    put(store, a="second")
    folder = store.get("cells", KEY)
    assert folder is not None
    assert (folder / "a").read_text() == "first"
    assert list((store.root / "staging").iterdir()) == []


@pytest.mark.parametrize(
    "damage", ["flip", "truncate", "remove file", "remove manifest", "break manifest", "odd manifest"]
)
def test_damage_is_noticed_and_moved_aside(store: Store, damage: str) -> None:
    folder = put(store)
    if damage == "flip":
        (folder / "a").write_text("alphb")
    elif damage == "truncate":
        (folder / "a").write_text("alp")
    elif damage == "remove file":
        (folder / "a").unlink()
    elif damage == "remove manifest":
        (folder / "manifest.json").unlink()
    elif damage == "break manifest":
        (folder / "manifest.json").write_text("{")
    else:
        (folder / "manifest.json").write_text("[]")
    assert store.get("cells", KEY) is None
    assert len(list((store.root / "quarantine").iterdir())) == 1
    put(store)
    assert store.get("cells", KEY) is not None


def test_json_documents(store: Store) -> None:
    store.put_json("estimates", KEY, {"value": 0.5})
    assert store.get_json("estimates", KEY) == {"value": 0.5}
    assert store.get_json("estimates", "ef" * 32) is None


@contextmanager
def unprivileged() -> Iterator[None]:
    """As a user who may not write everywhere; nothing changes unless this is root."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    results.chmod(0o555)
    with unprivileged(), pytest.raises(StoreError, match="cannot be written: Permission denied"):
        Store(results / "store")
    assert list(results.iterdir()) == []


def test_a_store_that_may_no_longer_be_written_leaves_nothing_half_written(store: Store) -> None:
    put(store)
    folders = [path for path in [store.root, *store.root.rglob("*")] if path.is_dir()]
    for folder in folders:
        folder.chmod(0o555)
    before = sorted(store.root.rglob("*"))
    with unprivileged(), pytest.raises(StoreError, match="cannot be written: Permission denied"):
        store.put_json("estimates", KEY, {"value": 1})
    assert sorted(store.root.rglob("*")) == before


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    with pytest.raises(StoreError, match=r"the results folder '.*results' cannot be written: Not a directory"):
        Store(tmp_path / "results" / "store")


def test_a_full_disk_is_one_clear_error_and_leaves_no_entry(store: Store) -> None:
    """A limit on the file size stands in for the full disk."""
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            store.put_json("estimates", KEY, {"value": "x" * 1000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert store.get_json("estimates", KEY) is None
    assert list((store.root / "staging").iterdir()) == []


def test_an_entry_made_between_look_and_move_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process finds the same damage, moves the entry aside and makes it again, faster than this one."""
    put(store)
    (store.folder("cells", KEY) / "a").write_text("damaged")
    other = Store(store.root)

    def look(folder: Path) -> bool:
        monkeypatch.undo()
        assert not is_intact(folder)
        assert other.get("cells", KEY) is None
        put(other)
        return False

    monkeypatch.setattr("harness.store.store.is_intact", look)
    assert store.get("cells", KEY) is None
    assert store.get("cells", KEY) is not None
    assert len(list((store.root / "quarantine").iterdir())) == 1


def test_what_was_not_there_is_never_moved(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(folder: Path) -> bool:
        monkeypatch.undo()
        put(Store(store.root))
        return False

    monkeypatch.setattr("harness.store.store.is_intact", look)
    assert store.get("cells", KEY) is None
    assert store.get("cells", KEY) is not None
    assert list((store.root / "quarantine").iterdir()) == []


def test_a_document_that_was_damaged_is_moved_aside(store: Store) -> None:
    store.put_json("estimates", KEY, {"a": 1})
    path = store.folder("estimates", f"{KEY}.json")
    path.write_bytes(path.read_bytes().replace(b"1}", b"7}"))
    assert store.get_json("estimates", KEY) is None
    assert len(list((store.root / "quarantine").iterdir())) == 1
    store.put_json("estimates", KEY, {"a": 1})
    assert store.get_json("estimates", KEY) == {"a": 1}


def test_inputs_of_a_key_that_were_changed_are_damage(store: Store) -> None:
    inputs = {"seed": 1}
    with store.stage() as staged:
        folder = store.commit("cells", digest(inputs), staged, inputs)
    assert is_intact(folder)
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"seed": 1', '"seed": 2'))
    assert not is_intact(folder)


def test_a_store_that_cannot_be_written_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writable = Store(tmp_path / "store")
    put(writable)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(StoreError, match="cannot be written"):
        Store(tmp_path / "store")
    store = Store(tmp_path / "store", needs_writing=False)
    assert store.get("cells", KEY) is not None
    store.put_json("estimates", KEY, {"a": 1})
    assert store.get_json("estimates", KEY) is None
    (store.folder("cells", KEY) / "a").write_text("damaged")
    assert store.get("cells", KEY) is None
    assert list((store.root / "quarantine").iterdir()) == []
