"""The whole chain on a GPU: the smoke suite runs, and verdicts on one network are those of the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.testing import assert_same_records, run_suite
from trained_digits import checkpoint_of

pytestmark = pytest.mark.cuda

# Without what is chaotic near a boundary (momentum, restarts): there round-off alone moves an example by much.
SUITE = f"""
suite: beside-the-cpu
task: classify
data: digits
models:
  - {checkpoint_of("standard")}
  - {checkpoint_of("hardened")}
attacks:
  - none
  - {{use: noise, with: {{eps: 0.1}}}}
  - {{use: fgsm, with: {{eps: 0.1}}}}
  - {{use: pgd, with: {{eps: 0.1, steps: 10}}}}
  - {{use: pgd, as: pgd-l2, with: {{norm: l2, eps: 0.5, steps: 10}}}}
metrics: [accuracy, robust_accuracy]
"""


def test_the_smoke_suite_runs(root: Path, tmp_path: Path, gpu: str) -> None:
    done = run_suite(root / "suites" / "smoke.yaml", tmp_path, device=gpu, isolation="process")
    assert [row.reason for row in done.rows] == [""] * len(done.rows)
    assert done.exit_code == 0


def test_a_gpu_gives_the_records_of_the_cpu(tmp_path: Path, gpu: str) -> None:
    """Of 360 examples at most 4 differ, each so near the boundary that round-off decides."""
    ours, theirs = (
        run_suite(SUITE, tmp_path / name, device=device, allow_imports=True)
        for name, device in (("gpu", gpu), ("cpu", "cpu"))
    )
    assert [row.reason for row in ours.rows] == [""] * 10
    for row in theirs.rows:
        value, other = (run.row(**row.labels).estimates["robust_accuracy"].value for run in (ours, theirs))
        assert value == pytest.approx(other, abs=4 / 360)
    for row in ours.rows:
        if row.labels["attack"] in ("none", "noise"):
            found, expected = (run.records(row.cell)["clean_prediction"].tolist() for run in (ours, theirs))
            assert found == expected


@pytest.mark.parametrize("batch_size", [7, 64])
def test_records_do_not_depend_on_the_batch_size(tmp_path: Path, gpu: str, batch_size: int) -> None:
    """A GPU adds in another order at another batch shape, so up to round-off."""
    whole = run_suite(SUITE, tmp_path / "whole", device=gpu, batch_size=360, allow_imports=True)
    parts = run_suite(SUITE, tmp_path / "parts", device=gpu, batch_size=batch_size, allow_imports=True)
    assert parts.n_run == whole.n_run == 10
    assert_same_records(whole, parts, tolerance=1e-3, margin=1e-2, at_most=4)
