"""Inside and outside, by hand."""

from __future__ import annotations

import pytest

from harness.api import MeasuredCell, Records, Row, Status
from harness_capacity.comparisons.extrapolation import Extrapolation


def cell(
    model: str, split: str, error: list[float], deviation: float | None = None, seed: int = 0, name: str = "sine"
) -> MeasuredCell:
    components = {
        "data": {"name": "harness_capacity/function", "parameters": {"name": name, "split": split}},
        "model": {"name": model, "parameters": {}, "trained_on": {"name": "f", "parameters": {"split": split}}},
    }
    labels = {"data": split, "model": model}
    n = len(error)
    row = Row("e", labels, seed, Status.OK, n=n, components=components)
    columns = {"id": [str(i) for i in range(n)], "error": error, "deviation": [deviation] * n}
    return MeasuredCell(row, "", lambda: Records.of(columns))


def test_errors_growth_and_coverage_by_hand() -> None:
    cells = [
        cell("constant", "test", [1.0, -1.0]),
        cell("constant", "outside", [0.5, -2.0]),
        cell("process", "test", [0.1, -0.2], 0.1),
        cell("process", "outside", [0.5, -3.0], 0.4),
    ]
    constant, process = Extrapolation().rows(cells)
    assert [process.estimates[name].value for name in ("error_inside", "error_outside", "baseline_outside")] == [
        0.2,
        3,
        2,
    ]
    assert process.estimates["deviation_growth"].value == pytest.approx(4)
    assert process.estimates["coverage_outside"].value == 0.5
    assert process.display["warns"] == "yes"
    assert constant.display["warns"] == "states none"
    assert not constant.estimates["deviation_growth"].applies
    assert process.labels["data"] == "sine, inside and outside"


def test_seeds_give_an_interval_and_a_deviation_that_stays_is_no_warning() -> None:
    cells = [
        cell("net", split, [error + seed], 0.1, seed)
        for seed in (0, 1, 2)
        for split, error in (("test", 0.1), ("outside", 1.0))
    ]
    (row,) = Extrapolation().rows(cells)
    outside = row.estimates["error_outside"]
    assert outside.value == pytest.approx(2.0)
    assert outside.low is not None
    assert outside.low < 1.0
    assert row.display == {"warns": "no", "seeds": "3"}
    assert "no model labelled 'constant'" in row.estimates["baseline_outside"].reason


def test_the_baseline_is_that_of_the_same_function_and_lone_cells_give_no_row() -> None:
    cells = [cell("constant", split, [9.0], name="runge") for split in ("test", "outside")]
    cells += [cell("net", split, [1.0]) for split in ("test", "outside")] + [cell("alone", "test", [1.0])]
    constant, net = Extrapolation().rows(cells)
    assert constant.estimates["baseline_outside"].value == 9
    assert net.estimates["baseline_outside"].value is None
