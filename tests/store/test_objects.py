"""Objects that are written once, whole or not at all, or refused where a backend cannot promise it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.contract.errors import UsageError
from harness.store import objects as module
from harness.store.objects import MARKER, FsspecObjects, RemoteError, open_objects

RACE = """
import sys
from harness.store.objects import open_objects
objects = open_objects(sys.argv[1], {}, to_write=True)
print(*(number for number in range(50) if objects.create(f"a/{number}", sys.argv[2].encode() * 4000)))
"""


def test_of_four_writers_each_object_has_one(tmp_path: Path) -> None:
    url = tmp_path.as_uri() + "/shared"
    writers = [
        subprocess.Popen([sys.executable, "-c", RACE, url, str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    won = [set(map(int, writer.communicate(timeout=100)[0].split())) for writer in writers]
    assert sorted(number for each in won for number in each) == list(range(50))
    objects = open_objects(url, {}, to_write=False)
    for number in range(50):
        (winner,) = [who for who, each in enumerate(won) if number in each]
        assert objects.read(f"a/{number}") == b"%d" % winner * 4000
    assert sorted(objects.names("a")) == sorted(f"a/{number}" for number in range(50))


def test_a_path_names_a_folder_and_what_is_absent_is_none(tmp_path: Path) -> None:
    objects = open_objects(str(tmp_path / "shared"), {}, to_write=True)
    assert (objects.read("b"), objects.has("b"), objects.create("b", b"1"), objects.create("b", b"2")) == (
        *(None, False, True, False),
    )
    assert (objects.read("b"), objects.has("b")) == (b"1", True)
    objects.replace("b", b"3")
    assert objects.read("b") == b"3"


def test_only_a_store_is_read(tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match="there is no store at"):
        open_objects(str(tmp_path), {}, to_write=False)
    (tmp_path / MARKER).write_text("{}")
    with pytest.raises(RemoteError, match="by another version of harness"):
        open_objects(str(tmp_path), {}, to_write=True)


def test_a_backend_that_looks_before_it_writes_is_not_written() -> None:
    with pytest.raises(UsageError, match=r"'memory://lab' cannot be written: memory:// has no exclusive creation"):
        open_objects("memory://lab", {}, to_write=True)


def test_a_server_that_ignores_the_condition_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    class Ignorant(MemoryFileSystem):  # type: ignore[misc]
        store: dict[str, Any] = {}  # noqa: RUF012

        def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
            super().pipe_file(path, value)

    monkeypatch.setitem(module._CREATES, "ignorant", "s3")
    monkeypatch.setattr(module, "_file_system", lambda protocol, options, url: Ignorant())
    with pytest.raises(UsageError, match="its server creates an object that is there a second time"):
        open_objects("ignorant://lab", {}, to_write=True)


def test_objects_of_fsspec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module._CREATES, "memory", "")
    objects = open_objects("memory://lab/x", {}, to_write=True)
    assert isinstance(objects, FsspecObjects)
    assert (objects.create("a/b", b"1"), objects.create("a/b", b"2"), objects.read("a/b")) == (True, False, b"1")
    assert (objects.read("a/c"), objects.has("a/c"), objects.has("a/b")) == (None, False, True)
    assert list(objects.names("a")) == ["a/b"]
    objects.replace("a/b", b"3")
    assert open_objects("memory://lab/x", {}, to_write=False).read("a/b") == b"3"


@pytest.mark.parametrize(
    ("url", "reason"),
    [("nonsense://x", "cannot be opened: ValueError: Protocol not known: nonsense")],
)
def test_what_cannot_be_opened(url: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        open_objects(url, {}, to_write=False)


@pytest.mark.parametrize(("url", "extra"), [("s3://b/x", "s3"), ("gs://b/x", "gcs")])
def test_the_extra_of_a_backend_is_named(url: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, {"s3": "s3fs", "gcs": "gcsfs"}[extra], None)
    from fsspec.registry import _registry

    monkeypatch.delitem(_registry, url.partition(":")[0], raising=False)
    with pytest.raises(UsageError, match=rf'pip install "neural-harness\[{extra}\]"'):
        open_objects(url, {}, to_write=True)


def test_what_a_library_raises_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RemoteError, match=r"cannot be used: FileExistsError"):
        open_objects(str(tmp_path / "file"), {}, to_write=True)
