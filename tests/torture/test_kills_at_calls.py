"""A run that is killed, or loses the power, at any of its renames, links and syncs loses nothing but the work since."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.extended

SUITE = """
suite: calls
task: classify
data: {use: digits, limit: 20}
models: [{use: shipped_digits, as: linear, with: {which: linear}}]
attacks: [none, {use: noise, with: {eps: 0.1}}]
metrics: [accuracy, robust_accuracy]
aggregates: [worst_case]
"""
DRIVER = """
import contextlib, csv, io, json, os, shutil, signal, sys, traceback
from pathlib import Path

import pandas, pyarrow.parquet, torch

from harness.cli import main
from harness.store.garbage import damaged
from harness.store.open import open_store

folder, calls, step = Path(sys.argv[1]), sys.argv[2].split(","), int(sys.argv[3])
suite = folder / "calls.yaml"


def run(results):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return main(["run", str(suite), "--results", str(results), "--device", "cpu", "--isolation", "inline"])


def table(results):
    newest = max((results / "calls").glob("*/table.csv"))
    rows = csv.DictReader(newest.open(newline=""))
    return [{k: v for k, v in row.items() if k != "seconds" and not k.startswith("cost_")} for row in rows]


def in_child(work):
    # Everything is imported already, so that a run takes a fraction of a second.
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def killed_at(results, call, number):
    # What was read of sources and signatures is spared, which takes most of the time.
    for name in ("closures", "signatures"):
        shutil.copytree(folder / "warm" / "store" / name, results / "store" / name)
    for path in (folder / "warm" / "store").glob("imports-*"):
        shutil.copy(path, results / "store")
    count = 0
    original = getattr(os, call)

    def counting(*arguments, **named):
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **named)

    setattr(os, call, counting)
    run(results)


# Not here: threads that a run has started are not there in children.
in_child(lambda: run(folder / "warm"))
expected = table(folder / "warm")
problems, n_killed = [], 0
for call in calls:
    number = 1
    while True:
        results = folder / f"{call}-{number}"
        status = in_child(lambda: killed_at(results, call, number))
        assert status in (0, signal.SIGKILL), status
        if status == 0:
            break
        n_killed += 1
        in_child(lambda: (run(results), (folder / "table").write_text(json.dumps(table(results)))))
        if json.loads((folder / "table").read_text()) != expected:
            problems.append(f"{call} {number}: another table")
        store = open_store(results)
        problems += [f"{call} {number}: {kind} {key} is damaged" for kind, key in damaged(store)]
        with contextlib.redirect_stdout(io.StringIO()):
            main(["cache", "gc", "--results", str(results)])
        left = [*(store.root / "staging").iterdir(), *(store.root / "locks").iterdir()]
        problems += [f"{call} {number}: {path.name} was left" for path in left]
        shutil.rmtree(results)
        number += step
print(json.dumps([n_killed, problems]))
"""


@pytest.mark.parametrize(("calls", "step"), [("rename,replace", 3), ("link", 4), ("fsync", 7)])
def test_a_kill_at_any_call_loses_nothing(tmp_path: Path, calls: str, step: int) -> None:
    (tmp_path / "calls.yaml").write_text(SUITE)
    command = [sys.executable, "-c", DRIVER, str(tmp_path), calls, str(step)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    n_killed, problems = json.loads(done.stdout.splitlines()[-1])
    assert n_killed >= 2
    assert problems == []
