"""A store in a bucket, with a stand-in for S3: races, kills of writers and of the server, damage, no rights."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.store import objects as module
from harness.store.exchange import pull_entries, push_entries
from harness.store.layered import LayeredStore
from harness.store.objects import RemoteError, open_objects
from harness.store.remote import RemoteStore, open_remote
from harness.store.store import Store
from store.s3_stand_in import BUCKET, Server
from store.shared_stores import put_cell, put_weights

pytest.importorskip("s3fs", reason="the extra s3 is not installed")
pytest.importorskip("moto", reason="the extra anchors is not installed")
pytestmark = pytest.mark.extended
URL = f"s3://{BUCKET}/store"
PART = 5 << 20


@pytest.fixture(autouse=True)
def _credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HARNESS_STORE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "stand-in")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HARNESS_CONFIG", str(tmp_path / "config.yaml"))


def configure(server: Server, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"store: {{url: '{URL}', endpoint_url: '{server.endpoint}'}}")


@pytest.fixture
def server(tmp_path: Path, _credentials: None) -> Iterator[Server]:
    server = Server(os.environ)
    server.make_bucket()
    configure(server, tmp_path)
    yield server
    server.kill()


WRITER = """
import sys
from harness.store import objects
objects.PART_BYTES = 5 << 20
from harness.store.remote import open_remote
made = open_remote(sys.argv[1])._objects
who, size, n = sys.argv[2].encode(), int(sys.argv[3]), int(sys.argv[4])
for number in range(n):
    if made.create(f"a/{size}/{number}", who * size):
        print(number, flush=True)
print("end", flush=True)
"""


def writer(who: int, size: int, n: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, URL, str(who), str(size), str(n)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("size", "n"), [(1000, 30), (2 * PART + 1, 5)])
def test_of_four_writers_each_object_has_one(server: Server, size: int, n: int) -> None:
    """Also of objects that are sent in parts."""
    writers = [writer(who, size, n) for who in range(4)]
    won = [set(each.communicate(timeout=200)[0].split()) - {"end"} for each in writers]
    assert sorted(number for each in won for number in each) == sorted(map(str, range(n)))
    read = open_remote(URL)._objects.read
    for number in range(n):
        (winner,) = [who for who, each in enumerate(won) if str(number) in each]
        assert read(f"a/{size}/{number}") == b"%d" % winner * size


def test_of_writers_that_are_killed_every_object_is_whole_and_the_rest_goes_on(server: Server) -> None:
    size, n = 2 * PART + 1, 6
    writers = [writer(who, size, n) for who in range(4)]
    for victim in writers[:2]:  # In the midst of their second object, or thereabouts.
        assert victim.stdout is not None
        victim.stdout.readline()
        time.sleep(0.05)
        victim.send_signal(signal.SIGKILL)
    for each in writers:
        each.communicate(timeout=200)
    assert [each.returncode for each in writers[2:]] == [0, 0]
    read = open_remote(URL)._objects.read
    for number in range(n):
        content = read(f"a/{size}/{number}")
        assert content is not None
        assert len(content) == size
        assert content == content[:1] * size


PUSHER = """
import sys
from pathlib import Path
from harness.contract.errors import HarnessError
from harness.store.exchange import push_entries
from harness.store.remote import open_remote
from harness.store.store import Store
try:
    remote = open_remote(sys.argv[1])
    for moved in push_entries(Store(Path(sys.argv[2])), remote):
        print(moved.key, moved.outcome, flush=True)
except HarnessError as error:
    sys.exit(f"error: {error}")
"""


def pusher(store: Store) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PUSHER, URL, str(store.root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_death_of_the_server_is_told_and_a_second_push_completes(server: Server, tmp_path: Path) -> None:
    store = Store(tmp_path / "one" / "store")
    keys = {put_cell(store, number, os.urandom(100_000)) for number in range(60)} | {put_weights(store, 1)}
    before = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    pushing = pusher(store)
    assert pushing.stdout is not None
    pushing.stdout.readline()
    server.kill()
    _, error = pushing.communicate(timeout=200)
    assert pushing.returncode == 1
    assert error.startswith(f"error: the remote store '{URL}' cannot be used: ")
    assert "Traceback" not in error
    assert {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()} == before
    again = Server(os.environ, server.port)
    try:
        again.make_bucket()
        outcomes = {moved.key: moved.outcome for moved in push_entries(store, open_remote(URL))}
        assert outcomes == dict.fromkeys(keys, "pushed")
        other = Store(tmp_path / "two" / "store")
        assert {moved.key for moved in pull_entries(other, open_remote(URL)) if moved.outcome == "pulled"} == keys
    finally:
        again.kill()


def test_a_pusher_that_is_killed_leaves_only_whole_entries(server: Server, tmp_path: Path) -> None:
    store, other = Store(tmp_path / "one" / "store"), Store(tmp_path / "two" / "store")
    keys = {put_cell(store, number, os.urandom(100_000)) for number in range(60)}
    pushing = pusher(store)
    assert pushing.stdout is not None
    pushing.stdout.readline()
    pushing.kill()
    pushing.communicate(timeout=100)
    remote = open_remote(URL)
    assert {moved.outcome for moved in pull_entries(other, remote)} <= {"pulled"}
    assert {moved.outcome for moved in push_entries(store, remote)} <= {"pushed", "there"}
    list(pull_entries(other, remote))
    assert all(other.get("cells", key) for key in keys)


def test_a_flipped_bit_is_measured_again_and_replaced(server: Server, tmp_path: Path) -> None:
    warnings: list[str] = []
    one, two, three = (
        LayeredStore(tmp_path / name / "store", open_remote(URL), warnings.append) for name in ("one", "two", "three")
    )
    key = put_cell(one, 1, os.urandom(1000))
    name = f"cells/{key[:2]}/{key}.tar.gz"
    objects = open_objects(URL, {"endpoint_url": server.endpoint}, to_write=True)
    content = bytearray(objects.read(name) or b"")
    content[600] ^= 16
    objects.replace(name, bytes(content))
    assert two.get("cells", key) is None
    assert [name in warning for warning in warnings] == [True]
    put_cell(two, 1, b"measured again")
    folder = three.get("cells", key)
    assert folder is not None
    assert (folder / "records.parquet").read_bytes() == b"measured again"


def test_large_entries_go_in_parts(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART_BYTES", PART)
    content = os.urandom(3 * PART)
    key = put_weights(LayeredStore(tmp_path / "one" / "store", open_remote(URL)), 1, content)
    folder = LayeredStore(tmp_path / "two" / "store", open_remote(URL)).get("weights", key)
    assert folder is not None
    assert hashlib.sha256((folder / "weights.safetensors").read_bytes()).digest() == hashlib.sha256(content).digest()


def test_no_bucket_no_rights_and_nobody_there_are_one_error_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def error() -> str:
        with pytest.raises(RemoteError) as caught:
            open_remote(URL)
        text = str(caught.value)
        assert text.startswith(f"the remote store '{URL}' cannot be used: ")
        assert "\n" not in text
        return text.partition("cannot be used: ")[2]

    server = Server(os.environ)
    try:
        configure(server, tmp_path)
        assert error().startswith("FileNotFoundError: The specified bucket does not exist")
    finally:
        server.kill()
    assert "connect" in error().lower()
    server = Server({**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "1"})
    try:
        server.make_bucket()
        configure(server, tmp_path)
        assert error().startswith("PermissionError: ")
    finally:
        server.kill()


def test_nothing_is_listed_to_decide(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LayeredStore(tmp_path / "one" / "store", open_remote(URL))
    assert isinstance(store.remote, RemoteStore)
    asked: list[str] = []
    file_system = store.remote._objects._fs  # type: ignore[attr-defined]
    call = file_system._call_s3

    async def noted(method: str, *arguments: object, **keywords: object) -> object:
        asked.append(method)
        return await call(method, *arguments, **keywords)

    monkeypatch.setattr(file_system, "_call_s3", noted)
    key = put_cell(store, 1)
    assert store.get("cells", "0" * 64) is None
    LayeredStore(tmp_path / "two" / "store", store.remote).get("cells", key)
    assert asked == ["put_object", "get_object", "get_object"]
