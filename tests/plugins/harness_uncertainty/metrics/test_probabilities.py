"""Class probabilities from logits and from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.api import InvalidOutput, Records
from harness_uncertainty.metrics.probabilities import class_probabilities, softmax


def given(probabilities: object, label: object, **more: object) -> Records:
    n = len(list(label))  # type: ignore[call-overload]
    columns = {"id": [f"e{i}" for i in range(n)], "label": label, "probabilities": probabilities}
    return Records.of({**columns, **more})


def of_logits(folder: Path, logits: object, label: object, prediction: object) -> Records:
    (folder / "artifacts").mkdir()
    np.save(folder / "artifacts" / "logits.npy", np.asarray(logits))
    n = len(list(label))  # type: ignore[call-overload]
    made = Records.of({"id": [str(i) for i in range(n)], "label": label, "clean_prediction": prediction})
    return Records(made.table, folder=folder)


def test_logits_become_probabilities_and_what_is_not_valid_is_missing(tmp_path: Path) -> None:
    found = class_probabilities(of_logits(tmp_path, [[0.0, np.log(3)], [0.0, 0.0]], [1, 0], [1, None]))
    assert found is not None
    assert found.probabilities.tolist() == [[pytest.approx(0.25), pytest.approx(0.75)]]
    assert (found.labels.tolist(), found.kept.tolist(), found.n_missing) == ([1], [True, False], 1)


def test_large_logits_do_not_overflow() -> None:
    assert softmax([[1000.0, 0.0], [-1000.0, -1000.0]]).tolist() == [[1.0, 0.0], [0.5, 0.5]]


def test_without_either_there_are_none() -> None:
    assert class_probabilities(Records.of({"id": ["a"], "label": [0]})) is None


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ([0.5, 0.6], r"sums to 1\.1, further from 1 than their rounding explains \(0\.01\)"),
        ([0.5, 0.500151], r"sums to 1\.000151, further from 1 than their rounding explains \(0\.0001\)"),
        ([1.2, -0.2], r"reaches from -0\.2 to 1\.2"),
        ([2.0, -3.0], "holds: logits"),
        ([float("nan"), 0.5], "is not finite"),
    ],
)
def test_what_is_no_probability_is_refused(row: list[float], told: str) -> None:
    with pytest.raises(InvalidOutput, match=told) as caught:
        class_probabilities(given([[0.5, 0.5], row], [0, 1]))
    assert "1 of 2 rows" in str(caught.value)
    assert "'e1'" in str(caught.value)


def test_what_is_within_zero_and_one_is_not_said_to_be_logits() -> None:
    """Who followed that advice would take the softmax of probabilities."""
    with pytest.raises(InvalidOutput, match="probabilities of classes of which one is right") as caught:
        class_probabilities(given([[0.9, 0.4]], [0]))
    assert "logits" not in str(caught.value)


def test_rounded_rows_are_divided_by_their_sums_and_others_stay() -> None:
    found = class_probabilities(given([[0.33, 0.33, 0.33], [0.7, 0.2, 0.1]], [0, 1]))
    assert found is not None
    assert found.probabilities.tolist() == [[pytest.approx(1 / 3, abs=1e-15)] * 3, [0.7, 0.2, 0.1]]


def test_rows_of_unequal_length_are_refused() -> None:
    with pytest.raises(InvalidOutput, match="all of one length"):
        class_probabilities(given([[0.5, 0.5], [0.2, 0.3, 0.5]], [0, 1]))


@pytest.mark.parametrize("label", [2, -1])
def test_a_label_outside_the_classes_is_refused(label: int) -> None:
    with pytest.raises(InvalidOutput, match=f"label {label} is none of the classes 0 to 1"):
        class_probabilities(given([[0.5, 0.5]], [label]))
