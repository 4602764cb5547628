"""Measured less published accuracy: what it says, and when a row is suspect."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from anchors.published_architectures import Tiny
from harness.api import wilson
from harness.testing import run_suite

SUITE = """
suite: gap
task: classify
data: {{use: digits, limit: {limit}}}
models:
  - use: checkpoint
    as: tiny
    with: {{architecture: "anchors.published_architectures:Tiny", weights: w.pt, published_accuracy: {accuracy},
            published_n: 50}}
  - {{use: checkpoint, as: unknown, with: {{architecture: "anchors.published_architectures:Tiny", weights: w.pt}}}}
attacks: [none, {{use: noise, with: {{eps: 0.1}}}}]
metrics: [accuracy]
aggregates: [published_gap]
"""


@pytest.mark.parametrize(
    ("limit", "shift", "suspect"),
    [(50, 0.0, False), (50, 0.02, True), (50, -0.02, True), (40, 0.5, False)],
)
def test_suspect_where_the_whole_set_disagrees(tmp_path: Path, limit: int, shift: float, suspect: bool) -> None:
    torch.manual_seed(3)
    torch.save(Tiny().state_dict(), tmp_path / "w.pt")
    clean = run_suite(SUITE.format(limit=limit, accuracy=0.5), tmp_path, allow_imports=True).row(
        model="unknown", attack="none"
    )
    measured = clean.estimates["accuracy"].value
    assert measured is not None
    said = round(measured + shift, 4)
    done = run_suite(SUITE.format(limit=limit, accuracy=said), tmp_path, allow_imports=True)
    (row,) = [row for row in done.rows if row.derived]
    low, high = (float(end) for end in wilson(measured, limit, 1.959963984540054))
    found = row.estimates["published_gap"]
    assert row.labels["model"] == "tiny"
    assert (found.value, found.low, found.high) == pytest.approx((measured - said, low - said, high - said))
    assert str(row.status) == ("suspect" if suspect else "ok")
    assert ("another model, other data or another preprocessing" in row.reason) == suspect
