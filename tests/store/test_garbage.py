"""Looking after the store."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from harness.cli import main
from harness.contract.rows import Status
from harness.store.cell_result import CellResult
from harness.store.garbage import clean, damaged, usage
from harness.store.run_folder import RunFolder
from harness.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "results" / "store")
    for number in range(3):
        store.put_json("estimates", f"{number}" * 64, {"number": number})
    return store


def document(store: Store, number: int) -> Path:
    return store.folder("estimates", f"{number}" * 64 + ".json")


def test_usage_counts_entries_and_bytes(store: Store) -> None:
    (estimates,) = [u for u in usage(store) if u.kind == "estimates"]
    files = [path for path in (store.root / "estimates").rglob("*") if path.is_file()]
    assert (estimates.n, estimates.size) == (3, sum(path.stat().st_size for path in files))


def test_damaged_entries_are_named_and_moved_aside(store: Store) -> None:
    path = document(store, 1)
    path.write_bytes(path.read_bytes().replace(b"1", b"7"))
    assert list(damaged(store)) == [("estimates", "1" * 64)]
    assert list(damaged(store)) == []
    assert store.get_json("estimates", "1" * 64) is None
    assert store.get_json("estimates", "2" * 64) == {"number": 2}


def test_entries_not_used_for_long_may_go(store: Store) -> None:
    long_ago = time.time() - 40 * 86_400
    for number in (0, 1):
        os.utime(document(store, number), (long_ago, long_ago))
    assert store.get_json("estimates", "0" * 64) is not None, "which is a use"
    assert clean(store).removed == {"quarantine": 0, "staging": 0}
    assert clean(store, older_than_days=30).removed["estimates"] == 1
    assert [store.get_json("estimates", f"{number}" * 64) is None for number in range(3)] == [False, True, False]


def test_documents_of_earlier_versions_and_those_being_written_count_rightly(store: Store) -> None:
    with store.stage() as staged:
        (staged / "value.json").write_text("{}")
        former = store.commit("estimates", "7" * 64, staged)
    writing = document(store, 1).with_name(f".{document(store, 1).name}.1.tmp")
    writing.write_text("half")
    assert [u.n for u in usage(store) if u.kind == "estimates"] == [4]
    assert list(damaged(store)) == []
    (former / "value.json").write_text("[]")
    assert list(damaged(store)) == [("estimates", "7" * 64)]
    assert writing.exists()


def cell(store: Store, key: str, **files: bytes) -> Path:
    """An entry of a cell with these files beside a result that says it has three records."""
    with store.stage() as staged:
        CellResult(Status.OK, n=3).write(staged)
        for name, content in files.items():
            (staged / f"{name}.parquet").write_bytes(content)
        return store.commit("cells", key, staged)


def test_what_no_reader_can_use_goes_at_once(store: Store) -> None:
    good = cell(store, "a" * 64, records=b"PAR1 and PAR1")
    without = cell(store, "b" * 64)
    torn = document(store, 1)
    torn.write_bytes(torn.read_bytes()[:-3])
    assert clean(store).removed["quarantine"] == 2
    assert (good.exists(), without.exists(), torn.exists()) == (True, False, False)
    assert not any((store.root / "quarantine").iterdir())
    assert list(damaged(store)) == []


def test_what_a_run_has_reused_stays_however_old(store: Store) -> None:
    long_ago = time.time() - 40 * 86_400
    entries = [cell(store, key * 64, records=b"PAR1 and PAR1") for key in "ab"]
    run = RunFolder.create(store.root.parent, "tiny")
    run.write_about({})
    run.reuse_cell("one", entries[0], "tiny/1")
    for entry in entries:
        os.utime(entry / "manifest.json", (long_ago, long_ago))
    assert clean(store, older_than_days=30).removed["cells"] == 1
    assert [entry.exists() for entry in entries] == [True, False]
    assert RunFolder(run.path).cell("one") == entries[0]
    shutil.rmtree(run.path)
    assert clean(store, older_than_days=30).removed["cells"] == 1


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
    document(store, 2).write_text("{}")
    assert main(["cache", "verify", "--results", results]) == 1
    assert "1 damaged entries moved to the quarantine" in capsys.readouterr().out
    assert main(["cache", "gc", "--results", results]) == 0
    assert capsys.readouterr().out.startswith("removed 1 quarantine: ")
    assert main(["cache", "gc", "--results", results]) == 0
    assert capsys.readouterr().out == "nothing to remove\n"
