"""A network learns random labels by heart and is at chance on new data (Zhang et al. 2017, arXiv:1611.03530)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness import Run

SUITE = """
suite: by-heart
task: classify
data:
  - use: relabelled
    as: train
    with: {dataset: {use: digits, with: {split: train}}, test: digits, share: 1}
  - use: relabelled
    as: test
    with: {dataset: {use: digits, with: {split: train}}, test: digits, share: 1, split: test}
models: [{use: structured_net, as: net, with: {steps: 1500, learning_rate: 0.01}, sweep: {width: [8, 512]}}]
metrics: [accuracy]
aggregates: [chance_check]
"""


@pytest.mark.slow
def test_a_wide_network_learns_noise_a_narrow_one_does_not_and_neither_knows_more_than_chance(
    run: Callable[..., Run],
) -> None:
    done = run(SUITE)

    def accuracy(width: int, data: str) -> float:
        return float(done.row(model=f"net width={width}", data=data).estimates["accuracy"].value or 0.0)

    assert accuracy(512, "train") > 0.97
    assert 0.15 < accuracy(8, "train") < 0.4
    assert [row.status for row in done.rows] == ["ok"] * 5
    assert all(0.05 < accuracy(width, "test") < 0.16 for width in (8, 512))
