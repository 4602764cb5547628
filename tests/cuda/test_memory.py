"""A batch that does not fit on the GPU is halved until it does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.testing import run_suite

pytestmark = pytest.mark.cuda

SUITE = """
suite: halved
task: classify
data: {use: digits, limit: 64}
models: [greedy]
metrics: [accuracy]
"""


def test_half_the_batch_until_it_fits(tmp_path: Path, gpu: str) -> None:
    plugins = [Path(__file__).parent / "plugins"]
    done = run_suite(SUITE, tmp_path, device=gpu, batch_size=64, plugin_folders=plugins)
    (row,) = done.rows
    assert (str(row.status), row.n) == ("ok", 64)
    result = json.loads((done.folder.cell(row.cell) / "result.json").read_text(encoding="utf-8"))
    assert [(attempt["status"], attempt["batch_size"]) for attempt in result["attempts"]] == [("oom", 64), ("oom", 32)]
    assert result["batch_size"] == 16
