"""Negative log-likelihood, the multi-class Brier score and its parts."""

from __future__ import annotations

import numpy as np
import pytest

from harness.api import Records
from harness_uncertainty.metrics.scores import NLL, BrierPart, MulticlassBrier, brier_parts


def given(probabilities: object, label: object) -> Records:
    n = len(list(label))  # type: ignore[call-overload]
    return Records.of({"id": [str(i) for i in range(n)], "label": label, "probabilities": probabilities})


def test_by_hand() -> None:
    records = given([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]], [0, 2])
    assert MulticlassBrier().estimate(records).value == pytest.approx((0.09 + 0.04 + 0.01 + 0.25 + 0.25) / 2)
    assert NLL().estimate(records).value == pytest.approx(-(np.log(0.7) + np.log(0.5)) / 2)


def test_the_loss_of_a_classification_is_taken_as_it_is() -> None:
    records = Records.of({"id": ["a", "b", "c"], "label": [0, 1, 0], "clean_loss": [0.1, 0.3, None]})
    found = NLL().estimate(records)
    assert (found.value, found.n, found.n_missing) == (pytest.approx(0.2), 2, 1)


def test_an_infinite_loss_is_no_number() -> None:
    found = NLL().estimate(given([[1.0, 0.0], [0.5, 0.5]], [1, 0]))
    assert found.value is None
    assert "1 of 2 true classes were given probability 0" in found.reason


def test_per_example_gives_the_value_and_keeps_the_rows() -> None:
    records = given([[0.7, 0.3], [0.4, 0.6], [0.5, 0.5]], [0, None, 1])
    for metric in (NLL(), MulticlassBrier()):
        values = metric.per_example(records)
        assert np.isnan(values[1])
        assert np.nanmean(values) == pytest.approx(metric.estimate(records).value)


def test_parts_add_up_to_the_score_where_bins_hold_one_probability() -> None:
    """Murphy 1973 is exact then; the corrections for bias cancel in the sum."""
    rng = np.random.default_rng(0)
    first = rng.choice([0.15, 0.45, 0.85], size=3000)
    probabilities = np.stack([first, 1 - first], axis=1)
    truth = (rng.random(3000) < first).astype(int)
    records = given(probabilities.tolist(), (1 - truth).tolist())
    parts = {name: BrierPart(name).estimate(records) for name in ("reliability", "resolution", "uncertainty")}  # type: ignore[arg-type]
    total = parts["reliability"].value - parts["resolution"].value + parts["uncertainty"].value  # type: ignore[operator]
    assert total == pytest.approx(MulticlassBrier().estimate(records).value, abs=1e-12)
    assert parts["uncertainty"].value == pytest.approx(2 * truth.mean() * (1 - truth.mean()), rel=1e-3)
    assert parts["reliability"].value == pytest.approx(0, abs=1e-3)


def test_the_jackknife_leaves_out_one_example_after_the_other() -> None:
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet([1, 1, 1], size=12)
    outcomes = np.eye(3)[rng.integers(3, size=12)]
    whole = brier_parts(probabilities, outcomes, 4)
    for i in (0, 5, 11):
        kept = np.arange(12) != i
        fewer = brier_parts(probabilities[kept], outcomes[kept], 4)
        for name, (_, without) in whole.items():
            assert without[i] == pytest.approx(fewer[name][0])


def test_too_few_examples_and_no_probabilities() -> None:
    found = BrierPart().estimate(given([[0.5, 0.5]], [0]))
    assert found.value is None
    assert "takes 3" in found.reason
    for metric in (NLL(), MulticlassBrier(), BrierPart()):
        assert not metric.estimate(Records.of({"id": ["a"], "label": [0]})).applies


def test_a_single_class_has_no_uncertainty() -> None:
    records = given([[0.9, 0.1]] * 5, [0] * 5)
    assert BrierPart("uncertainty").estimate(records).value == pytest.approx(0)
    assert BrierPart("resolution").estimate(records).value == pytest.approx(0)
    assert BrierPart("reliability").estimate(records).value == pytest.approx(2 * 0.01)


def test_a_corrected_part_may_be_below_zero() -> None:
    """Of calibrated probabilities the corrected reliability is 0 in the mean, so that half of its values are below."""
    assert BrierPart.limits[0] < 0
