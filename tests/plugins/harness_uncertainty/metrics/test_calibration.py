"""Calibration error, its null, and Brier's score."""

from __future__ import annotations

import numpy as np
import pytest

from bin_totals import BinTotals
from harness.api import InvalidOutput, Records
from harness_uncertainty.metrics.calibration import ECE, Brier, ClasswiseECE, ECENull, bins_of


def records(confidence: object, correct: object, name: str = "confidence") -> Records:
    n = len(list(correct))  # type: ignore[call-overload]
    return Records.of({"id": [str(i) for i in range(n)], name: confidence, "correct": correct})


def test_by_hand() -> None:
    """Bins of a fifth: [0.8, 1.0] holds 0.8, 0.9, 1.0 with two right, [0.4, 0.6) holds 0.5, wrong."""
    found = ECE(bins=5).estimate(records([0.8, 0.9, 1.0, 0.5], [True, True, False, False]))
    assert found.value == pytest.approx(0.75 * abs(2 / 3 - 0.9) + 0.25 * 0.5)
    assert found.n == 4
    assert Brier().estimate(records([0.8, 0.5], [True, False])).value == pytest.approx((0.04 + 0.25) / 2)


def test_the_last_bin_holds_one_and_no_bin_is_lost() -> None:
    confidence = np.array([0.0, 0.2, 0.4, 0.999, 1.0])
    assert bins_of(confidence, 5, "equal_width").tolist() == [0, 1, 2, 4, 4]
    found = ECE().estimate(records([1.0] * 4, [False] * 4))
    assert (found.value, found.high) == (1.0, 1.0)


def test_bins_of_equal_mass_keep_ties_together_in_any_order() -> None:
    confidence = np.array([0.9, 0.5, 0.5, 0.5, 0.1, 0.7])
    expected = {0.1: 0, 0.5: 1, 0.7: 2, 0.9: 2}
    for order in (np.arange(6), np.arange(6)[::-1], np.array([3, 1, 5, 0, 2, 4])):
        found = bins_of(confidence[order], 3, "equal_mass")
        assert found.tolist() == [expected[value] for value in confidence[order]]
    assert bins_of(np.linspace(0, 1, 100), 10, "equal_mass").tolist() == [i // 10 for i in range(100)]


def test_classifications_and_answers_are_read_alike() -> None:
    confidence, correct = [0.9, 0.6, 0.7], [True, False, True]
    for metric in (ECE(), ECENull(), Brier()):
        answers = metric.estimate(records(confidence, correct))
        assert answers == metric.estimate(records(confidence, correct, "clean_confidence"))
        assert not metric.estimate(records(["a", "b", "c"], correct, "other")).applies


def test_what_is_missing_is_counted_and_nothing_is_not_zero() -> None:
    given = records([0.9, None, 0.5, 0.4], [True, True, None, False])
    for metric in (ECE(), ECENull(), Brier()):
        found = metric.estimate(given)
        assert (found.n, found.n_missing) == (2, 2)
    given = records([0.9, None], [None, True])
    for metric in (ECE(), ECENull(), Brier()):
        found = metric.estimate(given)
        assert (found.value, found.n_missing) == (None, 2)
        assert found.reason


@pytest.mark.parametrize("bad", [1.5, -0.1])
def test_logits_are_refused(bad: float) -> None:
    with pytest.raises(InvalidOutput, match="no probability"):
        ECE().estimate(records([0.5, bad], [True, False]))


def test_the_null_at_a_thousand_answers_is_not_zero() -> None:
    """Confidences that are uniform, 15 bins: about sqrt(2 / pi) sum_b sqrt(sum c (1 - c)) / n, which is 0.041."""
    confidence = np.random.default_rng(0).random(1000)
    found = ECENull().estimate(records(confidence, [True] * 1000))
    spread = np.sqrt(np.bincount(bins_of(confidence, 15, "equal_width"), confidence * (1 - confidence)))
    assert found.value == pytest.approx(np.sqrt(2 / np.pi) * spread.sum() / 1000, rel=0.02)
    assert found.low < found.value < found.high  # type: ignore[operator]


def test_no_error_in_many_rows() -> None:
    """Float32 counts stop at 2^24 rows; sums in float64 do not drift."""
    n = 2**24 + 2**20
    confidence, correct = np.full(n, 0.75), np.zeros(n, dtype=bool)
    correct[: n // 2] = True
    of_row = bins_of(confidence, 15, "equal_width")
    gap = np.bincount(of_row, correct - confidence, 15)
    assert np.abs(gap).sum() / n == pytest.approx(0.25, abs=1e-12)
    assert of_row.dtype == np.int64


def test_the_interval_holds_its_own_estimate() -> None:
    rng = np.random.default_rng(1)
    for n in (1, 2, 10, 300):
        confidence = rng.random(n)
        found = ECE().estimate(records(confidence, rng.random(n) < confidence))
        assert 0 <= found.low <= found.value <= found.high <= 1  # type: ignore[operator]


def test_brier_per_example_gives_its_value() -> None:
    given = records([0.9, None, 0.5], [True, True, False])
    values = Brier().per_example(given)
    assert values[[0, 2]].tolist() == pytest.approx([0.01, 0.25])
    assert np.isnan(values[1])
    assert np.nanmean(values) == pytest.approx(Brier().estimate(given).value)


def probabilistic(probabilities: object, label: object) -> Records:
    n = len(list(label))  # type: ignore[call-overload]
    return Records.of({"id": [str(i) for i in range(n)], "label": label, "probabilities": probabilities})


def test_classwise_by_hand() -> None:
    """Two classes in one bin each: both are off by |0.75 - 0.5|."""
    given = probabilistic([[0.8, 0.2], [0.7, 0.3]], [0, 1])
    assert ClasswiseECE(bins=1).estimate(given).value == pytest.approx((0.25 + 0.25) / 2)
    assert ClasswiseECE(bins=10).estimate(given).value == pytest.approx((0.2 + 0.7 + 0.2 + 0.7) / 2 / 2)


def test_classwise_sees_what_the_top_class_hides() -> None:
    """The top class is right as often as it says; the rest of its probability is all on the wrong class."""
    rng = np.random.default_rng(0)
    label = np.where(rng.random(4000) < 0.6, 0, 1)
    given = probabilistic([[0.6, 0.0, 0.4]] * 4000, label)
    top = ECE().estimate(records([0.6] * 4000, label == 0))
    assert top.low == 0.0
    found = ClasswiseECE().estimate(given)
    assert found.low > 0.2  # type: ignore[operator]
    assert found.null < 0.02  # type: ignore[operator]


def test_the_null_stands_in_the_estimate() -> None:
    rng = np.random.default_rng(3)
    confidence = rng.random(400)
    given = records(confidence, rng.random(400) < confidence)
    assert ECE().estimate(given).null == ECENull().estimate(given).value


def test_the_null_of_many_answers_is_that_of_few_scaled() -> None:
    """From 20,000 answers on it is drawn from the normal limit."""
    confidence = np.tile(np.random.default_rng(4).random(19_000), 2)
    few, many = (ECENull().estimate(records(c, [True] * len(c))).value for c in (confidence[:19_000], confidence))
    assert many == pytest.approx(few / np.sqrt(2), rel=0.03)  # type: ignore[operator]


def test_fewer_errors_than_luck_allows_do_not_exclude_perfect_calibration() -> None:
    """Ten bins whose accuracies are the confidences to the digit."""
    confidence = np.repeat(np.arange(0.05, 1, 0.1), 20)
    correct = np.concatenate([np.arange(20) < round(20 * c) for c in np.arange(0.05, 1, 0.1)])
    found = ECE(bins=10).estimate(records(confidence, correct))
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.low == pytest.approx(0, abs=1e-12)


def test_totals_of_blocks_are_those_of_all() -> None:
    rng = np.random.default_rng(5)
    confidence = rng.random(1000)
    correct = rng.random(1000) < confidence
    totals = BinTotals()
    for start in range(0, 1000, 300):
        totals.add(confidence[start : start + 300], correct[start : start + 300])
    assert totals.error == pytest.approx(ECE().estimate(records(confidence, correct)).value)
    assert totals.counts.dtype == np.int64
    assert np.isnan(BinTotals().error)


def test_the_null_of_a_model_that_is_nearly_sure_lies_in_its_interval() -> None:
    """Of 1000 simulations with an error chance of 1e-4 each, a few have one and make the mean."""
    n = 40
    given = Records.of({"id": [str(i) for i in range(n)], "correct": [True] * n, "confidence": [1 - 1e-4] * n})
    found = ECENull().estimate(given)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high  # type: ignore[operator]
