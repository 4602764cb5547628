"""Readers, writers, cleaners and checkers of one store at once: no wrong byte is read, nothing good is moved away."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.store.garbage import damaged
from harness.store.store import Store, is_intact

pytestmark = pytest.mark.extended

KEYS = 12
COMMON = f"""
import json, random, sys, time
from pathlib import Path

from harness.contract.cells import digest
from harness.contract.rows import Status
from harness.store.cell_result import CellResult
from harness.store.garbage import clean, damaged
from harness.store.store import Store

store, number, rounds = Store(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(number)
keys = [digest({{"number": i}}) for i in range({KEYS})]


def put(i):
    with store.stage() as staged:
        CellResult(Status.OK, n=i).write(staged)
        (staged / "records.parquet").write_bytes(b"PAR1" + bytes([i]) * 2000 + b"PAR1")
        store.commit("cells", keys[i], staged, {{"number": i}})
"""
USE = """
made = 0
for _ in range(rounds):
    i = chance.randrange(len(keys))
    began = time.time_ns()
    folder = store.get("cells", keys[i])
    if folder is None:
        put(i)
        made += 1
    else:
        path = folder / "records.parquet"
        try:
            # What was damaged before the look must not be found; since then it may have been.
            assert path.read_bytes()[4] == i or path.stat().st_ctime_ns > began - 10_000_000
        except FileNotFoundError:
            pass  # It was moved aside since.
    value = store.get_json("estimates", keys[i])
    assert value in (None, {"value": i}), value
    store.put_json("estimates", keys[i], {"value": i})
print(made)
"""
DAMAGE = """
for _ in range(rounds):
    i = chance.randrange(len(keys))
    for path, content in ((store.folder("cells", keys[i]) / "records.parquet", b"PAR1 torn"),
                          (store.folder("estimates", keys[i] + ".json"), b"torn")):
        other = path.with_name(f".{number}.torn")
        try:
            other.write_bytes(content)
            other.replace(path)
        except FileNotFoundError:
            pass
print(rounds)
"""
CLEAN = """
for _ in range(rounds // 10):
    list(damaged(store)) if chance.random() < 0.5 else clean(store, older_than_days=chance.choice([None, 30, 0]))
print(rounds)
"""


def together(store: Path, parts: Sequence[str], rounds: int) -> list[int]:
    """Run pieces of code at once; what each has printed. Fails where one raised."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", COMMON + part, str(store), str(number), str(rounds)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, part in enumerate(parts)
    ]
    ended = [process.communicate(timeout=300) for process in processes]
    assert not any(process.returncode for process in processes), "\n".join(error for _, error in ended)
    return [int(out) for out, _ in ended]


def test_readers_and_writers_lose_nothing_good(tmp_path: Path) -> None:
    root = tmp_path / "results" / "store"
    together(root, [USE] * 4, 300)
    store = Store(root)
    assert list((root / "quarantine").iterdir()) == []
    assert len([entry for entry in (root / "cells").glob("*/*") if is_intact(entry)]) == KEYS
    assert not any((root / "staging").iterdir())
    assert not any((root / "locks").iterdir())
    assert list(damaged(store)) == []


def test_damage_and_cleaning_beside_them_cost_work_and_no_truth(tmp_path: Path) -> None:
    root = tmp_path / "results" / "store"
    made = together(root, [USE, USE, DAMAGE, CLEAN, CLEAN], 300)
    assert sum(made[:2]) >= KEYS
    list(damaged(Store(root)))
    assert all(is_intact(entry) for entry in (root / "cells").glob("*/*"))
