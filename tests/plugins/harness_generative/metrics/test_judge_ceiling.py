"""The row of real data: what the judge makes of held-out examples."""

from __future__ import annotations

from pathlib import Path

import pytest
from sklearn.datasets import load_digits
from statsmodels.stats.proportion import proportion_confint

from harness.api import Status
from harness.testing import run_suite

PLUGINS = Path(__file__).parents[3] / "tiny"

SUITE = """
suite: ceiling
task: {use: generate, with: {n: 16, features: [halves]JUDGE}}
data: {use: photos}
models: [blobs, asked_blobs]
samplers: [direct]
metrics: [condition_accuracy]
aggregates: [judge_ceiling]
"""


def test_the_row_of_real_data_is_the_accuracy_of_the_judge_on_the_reference(tmp_path: Path) -> None:
    run = run_suite(SUITE.replace("JUDGE", ", judge: brightness"), tmp_path, plugin_folders=[PLUGINS])
    blobs, asked, real = run.rows
    # The judge of the tiny plugin calls bright what is above one half on average, by hand:
    pixels = load_digits().images[200:230] / 16
    right = sum(int(mean > 0.5) == i % 2 for i, mean in enumerate(pixels.mean(axis=(1, 2))))
    low, high = proportion_confint(right, 30, method="wilson")
    found = real.estimates["condition_accuracy"]
    assert (found.value, found.low, found.high) == pytest.approx((right / 30, low, high))
    assert (real.labels, real.n, real.status) == ({"data": "photos", "model": "real data"}, 30, Status.OK)
    assert (blobs.display, asked.display, real.display) == ({"asked for": "nothing"}, {"asked for": "classes"}, {})
    assert len({row.key for row in run.rows}) == 3


def test_without_a_judge_there_is_no_such_row(tmp_path: Path) -> None:
    run = run_suite(
        SUITE.replace("JUDGE", "").replace("condition_accuracy", "count"), tmp_path, plugin_folders=[PLUGINS]
    )
    assert [row.labels["model"] for row in run.rows] == ["blobs", "asked_blobs"]
