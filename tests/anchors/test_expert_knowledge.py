"""Random search on a table: the closed forms, and that boosting needs fewer tries than a network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness import Run
from harness.api import Row

SUITE = """
suite: expert
task: classify
data:
  - {use: table, as: validation, with: {name: wine, split: validation}}
  - {use: table, as: test, with: {name: wine, split: test}}
models:
  - use: gradient_boosting
    as: boosting
    trained_on: {use: table, with: {name: wine, split: train}}
    draws:
      n: 10
      from: {trees: {log_integer: [10, 50]}, depth: {integer: [1, 3]}, learning_rate: {log_uniform: [0.01, 1.0]}}
  - use: tabular_mlp
    as: MLP
    trained_on: {use: table, with: {name: wine, split: train}}
    draws:
      n: 10
      from: {width: {log_integer: [8, 64]}, epochs: {integer: [5, 15]}, learning_rate: {log_uniform: [0.00001, 0.1]}}
metrics: [accuracy]
aggregates: [{use: best_of_k, with: {target: 0.85, tries: [1]}}]
"""


@pytest.mark.slow
def test_boosting_needs_fewer_tries_than_a_network(run: Callable[..., Run]) -> None:
    rows = run(SUITE).rows
    table: dict[str, Row] = {row.labels["model"]: row for row in rows if row.derived}
    for family in ("boosting", "MLP"):
        tries = [row for row in rows if not row.derived and row.labels["model"].startswith(family)]
        scores = [row.estimates["accuracy"].value for row in tries if row.labels["data"] == "validation"]
        assert len(scores) == 10
        one, every = table[f"{family} (best of 1 try)"], table[f"{family} (best of all 10 tries)"]
        assert one.estimates["best_on_validation"].value == pytest.approx(np.mean(scores))
        assert every.estimates["best_on_validation"].value == max(scores)
    needed = {
        family: table[f"{family} (tries for accuracy 0.85)"].estimates["tries_needed"] for family in ("boosting", "MLP")
    }
    assert needed["boosting"].value == 1
    assert needed["MLP"].value is None or needed["MLP"].value >= 2
    spread = {
        family: float(table[f"{family} (tries for accuracy 0.85)"].estimates["spread_configurations"].value or 0)
        for family in ("boosting", "MLP")
    }
    assert spread["MLP"] > 2 * spread["boosting"]
