"""Killed coordinators and workers, and several coordinators at once: nothing lost, nothing corrupt, nothing twice."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.execution.process_tree import descendants
from harness.store.store import Store
from harness.testing import run_suite
from processes import has_ended

pytestmark = pytest.mark.extended

PLUGINS = Path(__file__).parent / "plugins"
N = 60
KILLS = 25


def write_suite(folder: Path, n: int = N) -> Path:
    each = [f"{{use: behave, as: c{i}, with: {{kind: slow, which: {i}, notes: '{folder}'}}}}" for i in range(n)]
    file = folder / "slow.yaml"
    file.write_text(f"suite: slow\ntask: act\ndata: tiny\nattacks: [{', '.join(each)}]\nmetrics: [mean_value]\n")
    return file


def start(suite: Path, results: Path, *options: str) -> subprocess.Popen[bytes]:
    """`harness run` in a session of its own, as a user's shell or a scheduler would have it."""
    command = [sys.executable, "-m", "harness", "--plugins-dir", str(PLUGINS), "run", str(suite)]
    return subprocess.Popen(
        [*command, "--device", "cpu", "--results", str(results), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def table(results: Path) -> list[dict[str, str]]:
    """The last table without its timings."""
    newest = max((results / "slow").glob("*/table.csv"), key=lambda path: path.stat().st_mtime_ns)
    with newest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    # What a cell took differs from run to run.
    return [{k: v for k, v in row.items() if k != "seconds" and not k.startswith("cost_")} for row in rows]


def executions(folder: Path) -> Counter[str]:
    return Counter((folder / "executed").read_text().split())


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patched:
        # Cells sleep so that they can be killed; these are not.
        patched.setattr(time, "sleep", lambda seconds: None)
        assert run_suite(write_suite(folder), folder / "results", plugin_folders=[PLUGINS]).exit_code == 0
    return table(folder / "results")


def assert_store_is_whole(results: Path, n: int = N) -> None:
    store = Store(results / "store")
    keys = [path.name for path in (results / "store" / "cells").glob("*/*")]
    assert len(keys) == n
    assert all(store.get("cells", key) is not None for key in keys)
    assert not list((results / "store" / "quarantine").iterdir())


def test_random_kills_lose_nothing(tmp_path: Path, undisturbed: list[dict[str, str]]) -> None:
    """25 times kill -9 of the coordinator or of a worker at random moments, then the same command again."""
    suite, results = write_suite(tmp_path), tmp_path / "results"
    hold = tmp_path / f"hold-{N - 1}"
    hold.touch()  # The last cell goes on until the last kill: there is always something to be killed at.
    rng = random.Random(3)
    victims = ["coordinator"] * (2 * KILLS // 5) + ["worker"] * (KILLS - 2 * KILLS // 5)
    rng.shuffle(victims)
    coordinator = start(suite, results, "--workers", "3")
    while victims:
        time.sleep(rng.uniform(0.1, 1.2))
        if coordinator.poll() is not None:
            assert coordinator.returncode in (1, -signal.SIGKILL)
            coordinator = start(suite, results, "--workers", "3")
        elif victims[-1] == "coordinator":
            coordinator.kill()
            victims.pop()
        elif workers := descendants(coordinator.pid):
            os.kill(rng.choice(workers), signal.SIGKILL)
            victims.pop()
    hold.unlink()
    coordinator.wait(120)
    assert start(suite, results, "--workers", "3").wait(120) == 0
    assert table(results) == undisturbed
    assert_store_is_whole(results)
    # A kill costs at most the cells that were under way.
    assert executions(tmp_path).total() <= N + 3 * KILLS
    assert start(suite, results).wait(60) == 0
    assert executions(tmp_path).total() <= N + 3 * KILLS


def test_workers_die_with_the_coordinator(tmp_path: Path) -> None:
    coordinator = start(write_suite(tmp_path, 20), tmp_path / "results", "--workers", "2")
    wait_until(lambda: (tmp_path / "executed").exists())
    below = descendants(coordinator.pid)
    assert len(below) >= 3, "two workers and the guardian"
    coordinator.kill()
    coordinator.wait()
    assert has_ended(*below)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_keeps_what_is_done(tmp_path: Path, number: signal.Signals) -> None:
    n = 20
    suite, results = write_suite(tmp_path, n), tmp_path / "results"
    coordinator = start(suite, results, "--workers", "2")
    wait_until(lambda: len(list((results / "store" / "cells").glob("*/*"))) >= 3)
    below = descendants(coordinator.pid)
    coordinator.send_signal(number)
    assert coordinator.wait(20) == 130
    assert has_ended(*below)
    rows = table(results)
    done = sum(row["status"] == "ok" for row in rows)
    assert 1 <= done < n
    assert {row["status"] for row in rows} == {"ok", "interrupted"}
    before = executions(tmp_path).total()
    assert start(suite, results, "--workers", "2").wait(60) == 0
    assert executions(tmp_path).total() - before <= n - done
    assert all(row["status"] == "ok" for row in table(results))


def test_four_coordinators_do_each_cell_once(tmp_path: Path, undisturbed: list[dict[str, str]]) -> None:
    suite, results = write_suite(tmp_path), tmp_path / "results"
    coordinators = [start(suite, results) for _ in range(4)]
    assert [each.wait(180) for each in coordinators] == [0] * 4
    assert executions(tmp_path) == Counter({str(i): 1 for i in range(N)})
    assert table(results) == undisturbed
    assert len(list((results / "slow").iterdir())) == 4
    assert_store_is_whole(results)
