"""A run over nodes of which one after another is killed: the records of a run on this machine, and nothing left."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import Run, open_run, run

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.slow]

SUITE = """
suite: nodes
task: classify
data: {use: digits, limit: 60}
models: [digit_linear, {use: digit_linear, as: short, with: {epochs: 20}}, digit_cnn]
seeds: [0, 1]
attacks:
  - none
  - {use: pgd, with: {eps: 0.1, steps: 200}}
  - {use: apgd, with: {eps: 0.1, steps: 100}}
metrics: [robust_accuracy]
"""
SMALL: dict[str, Any] = {"object_store_memory": 100_000_000, "num_cpus": 1}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "suite.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return path


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without CPUs; nodes are added by the tests. A dead node is noticed within two seconds."""
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    from ray.cluster_utils import Cluster

    quick = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 3}
    head = {**SMALL, "num_cpus": 0, "_system_config": quick, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    yield made
    made.shutdown()


class OverRay:
    """A run over the cluster in a process of its own, whose events are read as they come."""

    def __init__(self, suite: Path, cluster: Any, *more: str) -> None:
        command = [
            sys.executable,
            "-m",
            "harness",
            "run",
            str(suite),
            "--results",
            str(suite.parent / "over"),
            *more,
        ]
        command += ["--executor", "ray", "--executor-with", f"address={cluster.address}"]
        command += ["--executor-with", "authentication=disabled", "--events", "jsonl", "--device", "cpu"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.n_ended = 0

    def wait_for_cells(self, n: int) -> None:
        """Read events until so many cells have ended."""
        assert self.process.stdout is not None
        while self.n_ended < n:
            line = self.process.stdout.readline()
            assert line, self.process.communicate()
            self.n_ended += json.loads(line)["event"] == "cell_ended"

    def end(self) -> tuple[int, str]:
        """Wait for the end; returns the exit code and what was said."""
        out, err = self.process.communicate(timeout=600)
        return self.process.returncode, out + err


def kill(node: Any) -> None:
    os.kill(node.all_processes["raylet"][0].process.pid, signal.SIGKILL)


def digests(done: Run) -> dict[str, str]:
    """The digest of what was measured, by cell."""
    files = {row.cell: done.folder.cell(row.cell) / "records.parquet" for row in done.rows}
    return {cell: hashlib.sha256(file.read_bytes()).hexdigest() for cell, file in files.items()}


def test_killed_nodes_cost_attempts_and_no_numbers(suite: Path, cluster: Any) -> None:
    nodes = [cluster.add_node(**SMALL) for _ in range(2)]
    over = OverRay(suite, cluster)
    for n in (4, 8):
        over.wait_for_cells(n)
        kill(nodes.pop(0))
        time.sleep(1)
        nodes.append(cluster.add_node(**SMALL, wait=False))
    code, said = over.end()
    assert code == 0, said
    there = open_run("nodes", suite.parent / "over")
    here = run(suite, results=suite.parent / "here", device="cpu", workers=2)
    assert digests(there) == digests(here)
    attempts = [json.loads(path.read_text())["attempts"] for path in there.folder.path.glob("cells/*/result.json")]
    assert len(attempts) == 18
    lost = [attempt for each in attempts for attempt in each]
    assert {attempt["status"] for attempt in lost} <= {"lost"}
    assert all("went away" in attempt["reason"] for attempt in lost)


def test_without_nodes_the_rest_is_lost_and_a_rerun_here_finishes_it(suite: Path, cluster: Any) -> None:
    node = cluster.add_node(**SMALL)
    over = OverRay(suite, cluster, "--wait-for-workers", "10")
    over.wait_for_cells(4)
    kill(node)
    code, said = over.end()
    assert code == 1, said
    statuses = [str(row.status) for row in open_run("nodes", suite.parent / "over").rows]
    # Robust accuracy does not apply to the rows without an attack.
    assert set(statuses) == {"ok", "skipped", "lost"}
    rerun = run(suite, results=suite.parent / "over", device="cpu")
    assert (rerun.exit_code, rerun.n_reused) == (0, len(statuses) - statuses.count("lost"))
