"""The model keeps what models promise, and learns."""

from __future__ import annotations

from pathlib import Path

import torch
from harness.testing import check, run_suite

from nearest_mean.model import NearestMean

ROOT = Path(__file__).parents[1]


def test_promises() -> None:
    findings = check("model", "nearest_mean", plugin_folders=ROOT)
    assert [str(finding) for finding in findings if finding.state != "ok"] == []


def test_logits_are_squared_distances() -> None:
    model = NearestMean(sharpness=2.0)
    model.means[3] = 0.5
    logits = model(torch.full((1, 1, 8, 8), 0.5))
    assert logits.argmax() == 3
    assert logits[0, 0] == -2 * 64 * 0.25


def test_it_learns(tmp_path: Path) -> None:
    done = run_suite(ROOT / "nearest_mean.yaml", tmp_path, plugin_folders=ROOT)
    clean = next(row for row in done.rows if row.labels == {**row.labels, "model": "nearest_mean", "attack": "none"})
    assert (clean.estimates["accuracy"].low or 0) > 0.7
