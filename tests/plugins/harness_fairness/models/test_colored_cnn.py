"""The coloured digits have the gap they were made for, training closes part of it, and without colour there is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness import Run

SUITE = """
suite: coloured
task: classify
threads: 1
data:
  - {use: colored_digits, as: coloured}
  - {use: colored_digits, as: no colour, with: {amplitude: 0}}
models:
  - {use: colored_digit_cnn, as: plain, with: {epochs: 15}}
  - {use: colored_digit_cnn, as: group DRO, with: {epochs: 15, mitigation: group_dro, group: population}}
exclude: [{data: no colour, model: group DRO}]
metrics:
  - accuracy
  - {use: subgroup_error_gap, as: gap, with: {group: population}}
groups: [population]
"""


@pytest.mark.slow
def test_a_known_gap_is_found_and_no_other(run: Callable[..., Run]) -> None:
    rows = {(row.labels["data"], row.labels["model"]): row for row in run(SUITE).rows if row.cell}
    plain, cured = (rows["coloured", model].estimates["gap"] for model in ("plain", "group DRO"))
    assert plain.low is not None
    assert plain.low > 0.05
    assert plain.p == 1 / 2000
    assert (cured.value or 1) < 0.75 * (plain.value or 0)
    control = rows["no colour", "plain"].estimates["gap"]
    assert control.low == 0
    assert control.p is not None
    assert control.p > 0.01
