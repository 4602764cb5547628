"""Counts of the confusion table by group against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from harness.api import InvalidOutput, Partition, Records
from harness_fairness.metrics.confusion_counts import (
    ConfusionCounts,
    Rate,
    confusions,
    outcomes_of,
    successes_and_trials,
)

LABEL, PREDICTION, GROUP = [1, 1, 0, 0, 0, 1], [1, 0, 1, 0, 0, 1], ["a", "a", "a", "a", "b", "b"]


def records(label: object = LABEL, prediction: object = PREDICTION, **more: object) -> Records:
    n = len(label)  # type: ignore[arg-type]
    return Records.of(
        {"id": [str(i) for i in range(n)], "label": label, "prediction": prediction, "group.g": GROUP[:n], **more}
    )


def cells(some: Records, positive: int | str = 1) -> ConfusionCounts:
    rows = outcomes_of(some, "error", positive)
    assert rows is not None
    return confusions(rows, Partition.of(some, "g"))


@pytest.mark.parametrize(
    ("rate", "a", "b"),
    [
        ("accuracy", (2, 4), (2, 2)),
        ("error", (2, 4), (0, 2)),
        ("fpr", (1, 2), (0, 1)),
        ("fnr", (1, 2), (0, 1)),
        ("tpr", (1, 2), (1, 1)),
        ("ppv", (1, 2), (1, 1)),
        ("selection_rate", (2, 4), (1, 2)),
    ],
)
def test_every_rate_by_hand(rate: Rate, a: tuple[int, int], b: tuple[int, int]) -> None:
    successes, trials = cells(records()).successes_and_trials(rate)
    assert list(zip(successes.tolist(), trials.tolist(), strict=True)) == [a, b]


def test_rows_and_counts_agree() -> None:
    rng = np.random.default_rng(3)
    some = Records.of(
        {
            "id": [str(i) for i in range(300)],
            "label": rng.integers(0, 3, 300),
            "prediction": rng.integers(0, 3, 300),
            "group.g": rng.choice(list("abc"), 300),
        }
    )
    partition = Partition.of(some, "g")
    for rate in ("accuracy", "error", "fpr", "fnr", "tpr", "ppv", "selection_rate"):
        rows = outcomes_of(some, rate, 1)
        assert rows is not None
        top, inside = rows.successes_and_trials(rate)
        successes, trials = confusions(rows, partition).successes_and_trials(rate)
        assert np.array_equal(np.bincount(partition.of_row[top], minlength=3), successes)
        assert np.array_equal(np.bincount(partition.of_row[inside], minlength=3), trials)


def test_two_negatives_of_several_classes_may_be_wrong() -> None:
    found = cells(records([0, 2, 2], [2, 2, 0]))
    assert found.successes_and_trials("error")[0].tolist() == [2]
    assert found.successes_and_trials("selection_rate")[0].tolist() == [0]


def test_classes_may_be_text_and_predictions_missing() -> None:
    found = cells(records(["yes", "no", "yes"], ["yes", "yes", None]), "yes")
    assert found.n_missing == 1
    assert found.successes_and_trials("fpr")[1].tolist() == [1]
    assert found.counts.sum() == 2


def test_records_of_classify_and_of_answers_will_do() -> None:
    classified = Records.of({"id": ["a", "b"], "label": [1, 0], "clean_prediction": [1, 1], "group.g": ["x", "x"]})
    rows = outcomes_of(classified, "fpr", 1)
    assert rows is not None
    assert rows.successes_and_trials("fpr")[0].tolist() == [False, True]
    answered = Records.of({"id": ["a", "b", "c"], "correct": [True, False, None]})
    assert outcomes_of(answered, "fpr", 1) is None
    rows = outcomes_of(answered, "error", 1)
    assert rows is not None
    assert rows.successes_and_trials("error")[0].tolist() == [False, True, False]
    assert rows.known.tolist() == [True, True, False]


def test_what_is_no_class_is_refused() -> None:
    with pytest.raises(InvalidOutput, match="'prediction' holds fractions; a rate needs classes"):
        outcomes_of(records([0, 1], [0.2, 0.7]), "error", 1)
    with pytest.raises(InvalidOutput, match="the positive class is 'yes', but column 'label' holds int64"):
        outcomes_of(records(), "error", "yes")


def test_a_multinomial_draw_is_a_bootstrap_of_rows() -> None:
    """Mean and covariance of the resampled counts are those of resampling rows: n p and n (diag(p) - p p')."""
    counts = np.zeros((2, 2, 2, 2), dtype=np.int64)
    counts[0, 1, 1, 1], counts[0, 0, 1, 0], counts[1, 1, 0, 0], counts[1, 0, 0, 1] = 30, 10, 5, 55
    share = counts.ravel() / 100
    drawn = np.random.default_rng(0).multinomial(100, share, size=40_000)
    assert drawn.sum(axis=1).tolist() == [100] * 40_000
    assert drawn.mean(axis=0) == pytest.approx(100 * share, abs=0.15)
    assert np.cov(drawn.T) == pytest.approx(100 * (np.diag(share) - np.outer(share, share)), abs=0.6)
    successes, trials = successes_and_trials(drawn.reshape(-1, 2, 2, 2, 2), "fpr")
    assert successes.shape == (40_000, 2)
    assert (successes <= trials).all()
