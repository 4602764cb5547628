"""The dataset keeps what datasets promise, and is what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness.testing import check, run_suite

from rings.dataset import make_points

ROOT = Path(__file__).parents[1]


def test_promises() -> None:
    findings = check("dataset", "rings", plugin_folders=ROOT)
    assert [str(finding) for finding in findings if not finding.is_fine] == []


def test_points_lie_on_the_circle_of_their_class() -> None:
    columns = make_points(noise=0.0).columns
    radius = np.linalg.norm(columns["inputs"] - 0.5, axis=1)
    np.testing.assert_allclose(radius, np.where(columns["labels"] == 0, 0.2, 0.35), atol=1e-3)


def test_no_line_separates_the_classes(tmp_path: Path) -> None:
    done = run_suite(ROOT / "rings.yaml", tmp_path, plugin_folders=ROOT)
    accuracy = {row.labels["model"]: row.estimates["accuracy"] for row in done.rows if row.cell}
    assert (accuracy["logistic"].value or 1) < 0.7
    assert (accuracy["gradient_boosting"].value or 0) > 0.9
