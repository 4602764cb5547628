"""Ranking by a score: areas, the rate of false positives, polarity, ties."""

from __future__ import annotations

import numpy as np
import pytest

from harness.api import InvalidOutput, Records
from harness_uncertainty.metrics.detection import FPR95, OODAupr, OODAuroc, auroc


def records(inside: object, outside: object, name: str = "max_softmax") -> Records:
    scores = [*inside, *outside]  # type: ignore[misc]
    source = ["in"] * len(list(inside)) + ["out"] * len(list(outside))  # type: ignore[call-overload]
    return Records.of({"id": [str(i) for i in range(len(scores))], "source": source, f"score.{name}": scores})


def test_by_hand() -> None:
    """Pairs (out, in): 3 > 1, 3 > 2, 2 > 1, 2 = 2: 3.5 of 4. From above: out, then in and out at once, then in."""
    given = records([1.0, 2.0], [3.0, 2.0])
    assert OODAuroc().estimate(given).value == pytest.approx(3.5 / 4)
    found = OODAupr().estimate(given)
    assert found.value == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    assert found.null == 0.5
    assert FPR95().estimate(given).value == pytest.approx(1 / 2)


def test_the_polarity_is_a_parameter_and_changes_what_is_no_area_under_roc() -> None:
    rng = np.random.default_rng(0)
    given = records(rng.standard_normal(300), 2 * rng.standard_normal(100) + 1.5)
    values = {
        type(metric).__name__ + positive: metric.estimate(given).value
        for positive in ("in", "out")
        for metric in (OODAuroc(positive=positive), OODAupr(positive=positive), FPR95(positive=positive))  # type: ignore[arg-type]
    }
    assert values["OODAurocin"] == pytest.approx(values["OODAurocout"])
    assert abs(values["OODAuprin"] - values["OODAuprout"]) > 0.1  # type: ignore[operator]
    assert abs(values["FPR95in"] - values["FPR95out"]) > 0.1  # type: ignore[operator]


def test_the_order_of_rows_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    given = records(rng.integers(5, size=40).astype(float), rng.integers(3, 8, size=30).astype(float))
    order = rng.permutation(70)
    shuffled = Records.of({name: np.asarray(given[name])[order] for name in given.table.column_names})
    for metric in (OODAuroc(), OODAupr(), FPR95()):
        assert metric.estimate(given) == metric.estimate(shuffled)


def test_perfect_detection_has_an_interval_all_the_same() -> None:
    given = records(np.linspace(0, 1, 200), np.linspace(2, 3, 200))
    area, precision, alarms = (metric.estimate(given) for metric in (OODAuroc(), OODAupr(), FPR95()))
    assert (area.value, precision.value, alarms.value) == (1.0, 1.0, 0.0)
    assert 0.95 < area.low < 0.999  # type: ignore[operator]
    assert 0.95 < precision.low < 0.999  # type: ignore[operator]
    assert 0.01 < alarms.high < 0.05  # type: ignore[operator]
    assert area.high == precision.high == 1.0
    reverse = OODAuroc().estimate(records(np.linspace(2, 3, 50), np.linspace(0, 1, 50)))
    assert (reverse.value, reverse.low) == (0.0, 0.0)
    assert 0.01 < reverse.high < 0.1  # type: ignore[operator]


def test_few_positives_leave_the_threshold_open() -> None:
    """Of 20 positives, one in five samples has none below the threshold that 95 % truly reach."""
    found = FPR95().estimate(records(np.linspace(0, 1, 200), np.linspace(2, 3, 20)))
    assert (found.value, found.low, found.high) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("metric", [OODAuroc(), OODAupr(), FPR95()])
def test_constant_scores_and_a_single_class_have_no_value(metric: OODAuroc) -> None:
    found = metric.estimate(records([0.5] * 4, [0.5] * 3))
    assert found.value is None
    assert "all 7 scores are 0.5; they rank nothing" in found.reason
    found = metric.estimate(records([0.5, 0.6], []))
    assert found.value is None
    assert "no example is out of distribution" in found.reason


def test_missing_scores_are_counted_and_unknown_sources_refused() -> None:
    found = OODAuroc().estimate(records([0.1, None, 0.3], [0.5, None]))
    assert (found.value, found.n, found.n_missing) == (1.0, 3, 2)
    wrong = Records.of({"id": ["a", "b"], "source": ["in", "elsewhere"], "score.energy": [0.1, 0.2]})
    with pytest.raises(InvalidOutput, match="'elsewhere' is neither"):
        OODAuroc("energy").estimate(wrong)


def test_columns_name_the_score_so_that_a_model_without_it_has_no_cell() -> None:
    assert OODAuroc("mutual_information").columns == ("source", "score.mutual_information")


def test_variance_of_delong_by_its_definition() -> None:
    """Structural components by comparing every pair."""
    rng = np.random.default_rng(2)
    positive, negative = rng.integers(6, size=25) + 1.0, rng.integers(6, size=40) * 1.0
    kernel = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    expected = kernel.mean(axis=1).var(ddof=1) / 25 + kernel.mean(axis=0).var(ddof=1) / 40
    value, variance = auroc(positive, negative)
    assert value == pytest.approx(kernel.mean())
    assert variance == pytest.approx(expected)
