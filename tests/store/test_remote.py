"""Entries in a store that others can write: what is no entry of its key, or leads elsewhere, is not believed."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.contract.cells import digest
from harness.contract.errors import HarnessError, InvalidOutput, UsageError
from harness.store import remote as module
from harness.store.remote import open_remote, remote_url
from harness.store.store import Store
from store.shared_stores import put_cell, put_weights, shared


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results" / "store")


def object_of(tmp_path: Path, kind: str, key: str) -> Path:
    return tmp_path / "shared" / kind / key[:2] / f"{key}.tar.gz"


def test_entries_come_back_whole_and_the_first_stays(store: Store, tmp_path: Path) -> None:
    remote = shared(tmp_path / "shared")
    cell, weights = put_cell(store, 1), put_weights(store, 1)
    assert remote.push("cells", cell, store.folder("cells", cell)) == "pushed"
    assert remote.push("weights", weights, store.folder("weights", weights)) == "pushed"
    assert remote.push("cells", cell, store.folder("cells", cell)) == "there"
    other = Store(tmp_path / "other" / "store")
    for kind, key in (("cells", cell), ("weights", weights)):
        with other.stage() as staged:
            assert remote.fetch(kind, key, staged)  # type: ignore[arg-type]
            other.adopt(kind, key, staged)  # type: ignore[arg-type]
        entry = other.get(kind, key)  # type: ignore[arg-type]
        assert entry is not None
        own = store.folder(kind, key)  # type: ignore[arg-type]
        names = sorted(path.relative_to(own) for path in own.rglob("*") if path.is_file())
        assert [(entry / name).read_bytes() for name in names] == [(own / name).read_bytes() for name in names]
    assert list(remote.keys("cells")) == [cell]
    assert (remote.has("cells", cell), remote.has("weights", cell)) == (True, False)
    assert not remote.fetch("cells", digest({"cell": 2}), tmp_path / "nothing")


def fetch(tmp_path: Path, kind: str, key: str) -> None:
    (tmp_path / "staged").mkdir()
    shared(tmp_path / "shared").fetch(kind, key, tmp_path / "staged")  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_a_flipped_bit_is_noticed(store: Store, tmp_path: Path, share: float) -> None:
    key = put_cell(store, 1, bytes(range(256)) * 40)
    shared(tmp_path / "shared").push("cells", key, store.folder("cells", key))
    path = object_of(tmp_path, "cells", key)
    content = bytearray(path.read_bytes())
    content[int(share * (len(content) - 1))] ^= 4
    path.write_bytes(content)
    with pytest.raises(InvalidOutput, match="is not believed"):
        fetch(tmp_path, "cells", key)


def test_every_torn_object_is_noticed(store: Store, tmp_path: Path) -> None:
    key = put_cell(store, 1)
    remote = shared(tmp_path / "shared")
    remote.push("cells", key, store.folder("cells", key))
    path = object_of(tmp_path, "cells", key)
    content = path.read_bytes()
    for size in range(0, len(content), 7):
        path.write_bytes(content[:size])
        with store.stage() as staged, pytest.raises(InvalidOutput):
            remote.fetch("cells", key, staged)


def test_an_entry_under_another_key_is_refused(store: Store, tmp_path: Path) -> None:
    cells, weights = [put_cell(store, n) for n in (1, 2)], [put_weights(store, n) for n in (1, 2)]
    remote = shared(tmp_path / "shared")
    remote.push("cells", cells[0], store.folder("cells", cells[1]))
    remote.push("weights", weights[0], store.folder("weights", weights[1]))
    for kind, key in (("cells", cells[0]), ("weights", weights[0])):
        with store.stage() as staged, pytest.raises(InvalidOutput, match="it is the entry of another key"):
            remote.fetch(kind, key, staged)  # type: ignore[arg-type]


def archive(*files: tuple[str, bytes], change: Callable[[tarfile.TarInfo], None] = lambda _: None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            change(member)
            tar.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return buffer.getvalue()


def manifest_of(**files: bytes) -> tuple[str, bytes]:
    import hashlib

    named = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return "manifest.json", json.dumps({"files": named, "inputs": {"cell": 1}, "key": KEY}).encode()


KEY = digest({"cell": 1})


def _as_link(member: tarfile.TarInfo) -> None:
    member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0


HOSTILE = {
    "a path that leads out": archive(manifest_of(), ("../../outside", b"x")),
    "an absolute path": archive(manifest_of(), ("/tmp/harness-outside", b"x")),
    "a link": archive(("manifest.json", b""), change=_as_link),
    "a file in a file": archive(manifest_of(a=b"x"), ("a", b"x"), ("a/b/c", b"x")),
    "a name too long": archive(manifest_of(), ("n" * 300, b"x")),
    "a file that the manifest does not name": archive(manifest_of(a=b"x"), ("a", b"x"), ("b", b"x")),
    "a file that is missing": archive(manifest_of(a=b"x", b=b"x"), ("a", b"x")),
    "a manifest that names files elsewhere": archive(manifest_of(**{"../../../x": b""})),
    "no manifest": archive(("a", b"x")),
    "a manifest that is a list": archive(("manifest.json", b"[]")),
    "a manifest without inputs": archive(("manifest.json", b'{"files": {}}')),
    "a manifest nested too deep": archive(("manifest.json", b"[" * 100_000)),
    "a bomb": archive(manifest_of(), ("zeros", bytes(80 << 20))),
    "a bomb in a header": archive(manifest_of(), ("n" * (300 << 20), b"")),
    "a second archive behind": archive(manifest_of()) + archive(("b", b"x")),
    "no archive": b"not gzip",
    "gzip of no archive": gzip.compress(b"x" * 2000),
    "nothing": b"",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_object_is_refused_and_writes_nothing_elsewhere(tmp_path: Path, what: str) -> None:
    shared(tmp_path / "shared")
    path = object_of(tmp_path, "cells", KEY)
    path.parent.mkdir(parents=True)
    path.write_bytes(HOSTILE[what])
    with pytest.raises(InvalidOutput, match="is not believed"):
        fetch(tmp_path, "cells", KEY)
    allowed = {tmp_path / "staged", tmp_path / "shared"}
    assert [p for p in tmp_path.rglob("*") if p.is_file() and not allowed & set(p.parents)] == []
    assert not Path("/tmp/harness-outside").exists()


def test_a_whole_object_like_the_hostile_ones_is_taken(tmp_path: Path) -> None:
    shared(tmp_path / "shared")
    path = object_of(tmp_path, "cells", KEY)
    path.parent.mkdir(parents=True)
    path.write_bytes(archive(manifest_of(a=b"x"), ("a", b"x")))
    fetch(tmp_path, "cells", KEY)
    assert (tmp_path / "staged" / "a").read_bytes() == b"x"


def test_what_packs_like_a_bomb_is_pushed_as_it_is(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FREE_BYTES", 1 << 16)
    key = put_cell(store, 1, bytes(1 << 20))
    shared(tmp_path / "shared").push("cells", key, store.folder("cells", key))
    fetch(tmp_path, "cells", key)
    assert (tmp_path / "staged" / "records.parquet").read_bytes() == bytes(1 << 20)


def test_an_object_that_was_refused_is_replaced_by_the_next_push(store: Store, tmp_path: Path) -> None:
    key = put_cell(store, 1)
    remote = shared(tmp_path / "shared")
    remote.push("cells", key, store.folder("cells", key))
    object_of(tmp_path, "cells", key).write_bytes(b"damaged")
    with store.stage() as staged, pytest.raises(InvalidOutput):
        remote.fetch("cells", key, staged)
    assert remote.push("cells", key, store.folder("cells", key)) == "pushed"
    with store.stage() as staged:
        assert remote.fetch("cells", key, staged)
    assert remote.push("cells", key, store.folder("cells", key)) == "there"


@pytest.mark.parametrize("name", ["../x", "a", "a/../b", "a/b/c", ".a/b", "a/.b", ""])
def test_names_of_runs_lead_nowhere_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a run"):
        shared(tmp_path / "shared").fetch_run(name, tmp_path / "staged")


def test_the_url_is_that_of_the_option_the_variable_or_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CONFIG", str(tmp_path / "config.yaml"))
    monkeypatch.delenv("HARNESS_STORE", raising=False)
    assert remote_url() == ""
    (tmp_path / "config.yaml").write_text("store: {url: 's3://bucket/lab', endpoint_url: 'http://localhost:1'}")
    assert remote_url() == "s3://bucket/lab"
    monkeypatch.setenv("HARNESS_STORE", "file:///there")
    assert (remote_url(), remote_url("file:///here"), remote_url("")) == ("file:///there", "file:///here", "")


def test_the_options_of_the_configuration_are_those_of_its_own_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CONFIG", str(tmp_path / "config.yaml"))
    (tmp_path / "config.yaml").write_text("store: {url: 's3://bucket/lab', endpoint_url: 'http://localhost:1'}")
    seen = []
    monkeypatch.setattr(module, "open_objects", lambda url, options, *, to_write: seen.append((url, options)))
    open_remote("s3://bucket/lab")
    open_remote("s3://bucket/other")
    assert seen == [("s3://bucket/lab", {"endpoint_url": "http://localhost:1"}), ("s3://bucket/other", {})]
    (tmp_path / "config.yaml").write_text("store: s3://bucket/lab")
    with pytest.raises(HarnessError, match="`store` must map `url` and the options"):
        remote_url()
