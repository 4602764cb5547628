"""The extractor keeps what extractors promise, and its features are means."""

from __future__ import annotations

from pathlib import Path

import torch
from harness.testing import check, run_suite

from coarse_pixels.extractor import CoarsePixels

ROOT = Path(__file__).parents[1]


def test_promises() -> None:
    findings = check("extractor", "coarse_pixels", plugin_folders=ROOT)
    assert [str(finding) for finding in findings if finding.state != "ok"] == []


def test_features_are_means_of_quarters() -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert CoarsePixels(side=2)(image).tolist() == [[2.5, 4.5, 10.5, 12.5]]


def test_its_suite(tmp_path: Path) -> None:
    done = run_suite(ROOT / "coarse_pixels.yaml", tmp_path, plugin_folders=ROOT)
    assert [row.estimates["precision from far"].value is not None for row in done.rows] == [True, True]
