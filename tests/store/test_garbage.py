"""Looking after the store."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harness.cli import main
from harness.store.garbage import clean, damaged, usage
from harness.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "results" / "store")
    for number in range(3):
        store.put_json("estimates", f"{number}" * 64, {"number": number})
    return store


def manifest(store: Store, number: int) -> Path:
    return store.folder("estimates", f"{number}" * 64) / "manifest.json"


def test_usage_counts_entries_and_bytes(store: Store) -> None:
    (estimates,) = [u for u in usage(store) if u.kind == "estimates"]
    files = [path for path in (store.root / "estimates").rglob("*") if path.is_file()]
    assert (estimates.n, estimates.size) == (3, sum(path.stat().st_size for path in files))


def test_damaged_entries_are_named_and_moved_aside(store: Store) -> None:
    path = manifest(store, 1).with_name("value.json")
    path.write_bytes(path.read_bytes().replace(b"1", b"7"))
    assert list(damaged(store)) == [("estimates", "1" * 64)]
    assert list(damaged(store)) == []
    assert store.get("estimates", "1" * 64) is None
    assert store.get_json("estimates", "2" * 64) == {"number": 2}


def test_entries_not_used_for_long_may_go(store: Store) -> None:
    long_ago = time.time() - 40 * 86_400
    for number in (0, 1):
        os.utime(manifest(store, number), (long_ago, long_ago))
    assert store.get("estimates", "0" * 64) is not None, "which is a use"
    assert clean(store).removed == {"quarantine": 0, "staging": 0}
    assert clean(store, older_than_days=30).removed["estimates"] == 1
    assert [store.get("estimates", f"{number}" * 64) is None for number in range(3)] == [False, True, False]


def test_what_the_dead_left_goes_and_what_the_living_need_stays(store: Store) -> None:
    mine = store.open_stage()
    host = mine.name.partition("+")[0]
    (mine.parent / f"{host}+{2**22 - 1}-abc").mkdir()
    (mine.parent / "another-host+1-abc").mkdir()
    held = store.try_claim("cells", "held")
    idle = store.try_claim("cells", "idle")
    assert held is not None
    assert idle is not None
    idle.release()
    assert clean(store).removed["staging"] == 1
    assert sorted(path.name for path in mine.parent.iterdir()) == sorted([mine.name, "another-host+1-abc"])
    assert [path.name for path in (store.root / "locks").iterdir()] == ["cells-held"]
    assert store.try_claim("cells", "held") is None
    held.release()
    assert store.try_claim("cells", "held") is not None


def test_commands(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    results = str(store.root.parent)
    assert main(["cache", "ls", "--results", results]) == 0
    assert "estimates" in capsys.readouterr().out
    assert main(["cache", "verify", "--results", results]) == 0
    assert capsys.readouterr().out == "all entries are intact\n"
    manifest(store, 2).write_text("{}")
    assert main(["cache", "verify", "--results", results]) == 1
    assert "1 damaged entries moved to the quarantine" in capsys.readouterr().out
    assert main(["cache", "gc", "--results", results]) == 0
    assert capsys.readouterr().out.startswith("removed 1 quarantine: ")
    assert main(["cache", "gc", "--results", results]) == 0
    assert capsys.readouterr().out == "nothing to remove\n"
