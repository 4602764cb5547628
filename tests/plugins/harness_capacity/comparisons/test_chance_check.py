"""Models of random labels must be at chance on new data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness import Run
from harness.api import MeasuredCell, Records, Row, Status
from harness_capacity.comparisons.chance_check import ChanceCheck

N = 400


def cell(right: int, share: float = 1.0, split: str = "test", number: int = 0) -> MeasuredCell:
    """A cell that classifies so many of 400 examples of 4 classes right."""
    data = {"name": "harness_capacity/relabelled", "parameters": {"share": share, "split": split}}
    trained_on = {**data, "parameters": {"share": share, "split": "train"}}
    components = {"data": data, "model": {"name": "net", "parameters": {}, "trained_on": trained_on}}
    row = Row(
        "e", {"data": split, "model": f"net {number}"}, 0, Status.OK, n=N, cell=f"c{number}", components=components
    )
    correct = np.arange(N) < right
    columns = {"id": [str(i) for i in range(N)], "label": np.arange(N) % 4, "correct": correct}
    return MeasuredCell(row, "", lambda: Records.of(columns))


def test_chance_is_no_reason_for_doubt() -> None:
    cells = [cell(100), cell(110, number=1)]
    assert ChanceCheck().doubts(cells) == {}
    (row,) = ChanceCheck().rows(cells)
    assert row.status is Status.OK
    found = row.estimates["accuracy_after_noise"]
    assert (found.value, found.null, found.n) == (pytest.approx(0.2625), 0.25, N)


@pytest.mark.parametrize(("right", "side"), [(160, "above"), (50, "below")])
def test_a_model_that_knows_more_than_noise_is_suspect(right: int, side: str) -> None:
    cells = [cell(100), cell(right, number=1)]
    (doubts,) = ChanceCheck().doubts(cells).values()
    assert side in doubts[0]
    assert doubts[0].startswith("leak: ")
    (row,) = ChanceCheck().rows(cells)
    assert row.status is Status.SUSPECT
    assert "1 of 2 are not at chance: net 1" in row.reason


def test_the_level_holds_for_all_models_together() -> None:
    """121 of 400 is outside the 95 % interval of one model, and inside the wider one of many."""
    assert ChanceCheck().doubts([cell(121)])
    assert not ChanceCheck().doubts([cell(121), *(cell(100, number=i) for i in range(1, 20))])


@pytest.mark.parametrize("how", [{"share": 0.5}, {"split": "train"}])
def test_true_labels_and_the_training_examples_themselves_are_not_judged(how: dict[str, object]) -> None:
    cells = [cell(300, **how)]  # type: ignore[arg-type]
    assert ChanceCheck().doubts(cells) == {}
    assert list(ChanceCheck().rows(cells)) == []


SUITE = """
suite: noise
task: classify
data: {use: relabelled, with: {dataset: {use: digits, with: {split: train}}, test: digits, split: test, share: 1}}
models: [{use: structured_net, as: net, with: {width: 8, steps: 100}}]
metrics: [accuracy]
aggregates: [chance_check]
"""


def test_a_trained_network_is_judged_and_at_chance(run: Callable[..., Run]) -> None:
    cell, check = run(SUITE).rows
    assert (cell.status, check.status) == ("ok", "ok")
    assert check.estimates["accuracy_after_noise"].value == pytest.approx(cell.estimates["accuracy"].value)
