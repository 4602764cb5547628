"""Learning curves: the examples needed, what is extrapolated, and whether two models differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.api import Estimate, HarnessError, MeasuredCell, Records, Row, Status
from harness_capacity.comparisons.learning_curve import LearningCurve

SIZES = (10, 30, 100, 300, 1000)


def cells(
    model: str, scale: float, noise: float = 0.0, draws: int = 3, sizes: tuple[int, ...] = SIZES, floor: float = 0.0
) -> list[MeasuredCell]:
    """Cells whose errors are floor + scale / n, each draw by a factor of its own."""
    made = []
    for draw in range(draws):
        for n in sizes:
            error = floor + scale / n * (1 + noise * (draw - (draws - 1) / 2))
            data = {"name": "harness_capacity/subset", "parameters": {"n": n, "draw": draw, "split": "test"}}
            trained_on = {"name": data["name"], "parameters": {"n": n, "draw": draw, "split": "train"}}
            components = {"data": data, "model": {"name": model, "parameters": {}, "trained_on": trained_on}}
            row = Row(
                "e",
                {"data": f"digits n={n} draw={draw}", "model": model},
                0,
                Status.OK,
                estimates={"accuracy": Estimate(1 - error, None, None, 0.95, "none", 9)},
                components=components,
            )
            made.append(MeasuredCell(row, "", lambda: Records.of({"id": []})))
    return made


def test_the_examples_needed_by_hand() -> None:
    (row,) = LearningCurve().rows(cells("net", 2.0, noise=0.1))
    assert row.labels == {"data": "digits", "model": "net (n for accuracy 0.9)"}
    needed = row.estimates["n_needed"]
    assert needed.value == pytest.approx(20, rel=0.02)
    assert needed.low is not None
    assert needed.high is not None
    assert needed.low < 19
    assert needed.high > 21
    assert (needed.n, needed.reason) == (3, "")
    assert row.estimates["exponent"].value == pytest.approx(1, rel=0.01)
    assert row.estimates["limit"].value == pytest.approx(1, abs=1e-3)


def test_one_draw_has_no_interval() -> None:
    (row,) = LearningCurve().rows(cells("net", 2.0, draws=1))
    needed = row.estimates["n_needed"]
    assert (needed.low, needed.high, needed.method) == (None, None, "no interval for one draw")


def test_beyond_the_sizes_is_said_and_what_is_never_reached_is_undefined() -> None:
    (row,) = LearningCurve(target=0.999).rows(cells("net", 2.0))
    assert row.estimates["n_needed"].value == pytest.approx(2000, rel=0.05)
    assert "extrapolated: the largest size is 1000" in row.estimates["n_needed"].reason
    (row,) = LearningCurve().rows(cells("net", 2.0, floor=0.2))
    assert row.estimates["n_needed"].value is None
    assert "levels off at 0.800, below 0.9" in row.estimates["n_needed"].reason


@pytest.mark.parametrize(("scale", "verdict"), [(4.0, "resolved"), (2.05, "not resolved")])
def test_a_model_that_needs_twice_as_many(scale: float, verdict: str) -> None:
    other = cells("other", scale, noise=-0.1)
    *_, row = LearningCurve().rows([*cells("net", 2.0, noise=0.1), *other])
    times = row.estimates["needs_times"]
    assert times.value == pytest.approx(scale / 2, rel=0.02)
    assert times.null == 1
    assert row.display == {"verdict": verdict}


def test_a_comparison_with_a_single_draw_has_no_interval() -> None:
    *_, row = LearningCurve().rows([*cells("net", 2.0, noise=0.1), *cells("other", 4.0, draws=1)])
    times = row.estimates["needs_times"]
    assert times.value == pytest.approx(2, rel=0.05)
    assert (times.low, times.high) == (None, None)
    assert row.display == {"verdict": "not resolved"}


def test_a_draw_that_lacks_a_size_is_left_out_and_missing_cells_are_counted() -> None:
    some = cells("net", 2.0, noise=0.1)
    lost = Row("e", some[0].row.labels, 0, Status.FAILED, components=some[0].row.components)
    (row,) = LearningCurve().rows([MeasuredCell(lost, "", some[0].records), *some[1:]])
    assert (row.estimates["n_needed"].n, row.estimates["n_needed"].n_missing) == (2, 1)


def test_three_sizes_are_too_few() -> None:
    with pytest.raises(HarnessError, match=r"needs 4 sizes of `data\.n`; net has 3"):
        list(LearningCurve().rows(cells("net", 2.0, sizes=(10, 30, 100))))


def test_sizes_may_be_those_of_the_training_data_alone() -> None:
    def retold(cell: MeasuredCell) -> MeasuredCell:
        row = cell.row
        trained_on = row.components["model"]["trained_on"]["parameters"]
        label = f"{row.labels['model']} n={trained_on['n']} draw={trained_on['draw']}"
        components = {**row.components, "data": {"name": "digits", "parameters": {}}}
        return replace(cell, row=replace(row, labels={"data": "digits", "model": label}, components=components))

    of_both = cells("one", 2.0, noise=0.1) + cells("other", 4.0, noise=0.1)
    plain = list(LearningCurve().rows(of_both))
    made = LearningCurve(over="model.trained_on.n", draw="model.trained_on.draw").rows(
        [retold(cell) for cell in of_both]
    )
    assert [(row.labels, row.estimates) for row in made] == [(row.labels, row.estimates) for row in plain]
