"""Probabilities that another system saved, through the task from_scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness import Run
from harness.api import HarnessError, InvalidOutput
from harness_uncertainty.data.saved import saved_probabilities

PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.5, 0.25, 0.25]])


def save(folder: Path, **arrays: object) -> Path:
    path = folder / "given.npz"
    np.savez(path, **{"predictions": PROBABILITIES, "labels": np.array([0, 1, 1, 2])} | arrays)  # type: ignore[arg-type]
    return path


def test_columns(tmp_path: Path) -> None:
    found = saved_probabilities(save(tmp_path), "probabilities")
    assert found.columns["predictions"] == [0, 1, 2, 0]
    assert found.columns["confidence"].tolist() == [0.7, 0.8, 0.4, 0.5]


def test_logits_are_turned_into_probabilities(tmp_path: Path) -> None:
    path = save(tmp_path, predictions=np.log(PROBABILITIES) + 5)
    found = saved_probabilities(path, "logits")
    assert found.columns["probabilities"] == pytest.approx(PROBABILITIES)
    with pytest.raises(InvalidOutput, match="4 of 4 rows are no probabilities"):
        saved_probabilities(path, "probabilities")


@pytest.mark.parametrize("labels", [np.array([[0], [1], [1], [2]]), np.eye(3)[[0, 1, 1, 2]]])
def test_shapes_of_labels(tmp_path: Path, labels: object) -> None:
    assert saved_probabilities(save(tmp_path, labels=labels), "probabilities").columns["labels"] == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"labels": np.array([0, 1, 1, 3])}, "go from 0 to 3; there are 3 classes"),
        ({"labels": np.array([0, 1])}, r"is \[4, 3\] and 'labels' \[2\]"),
        ({"labels": np.ones((4, 3))}, "must hold a single 1"),
    ],
)
def test_wrong_labels_say_what_is_wrong(tmp_path: Path, arrays: dict[str, object], told: str) -> None:
    with pytest.raises(HarnessError, match=told):
        saved_probabilities(save(tmp_path, **arrays), "probabilities")


def test_wrong_files_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"no array 'truth'; it has predictions, labels"):
        saved_probabilities(save(tmp_path), "probabilities", labels="truth")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(HarnessError, match="cannot be read"):
        saved_probabilities(tmp_path / "text.npz", "probabilities")


def test_an_audit_without_a_model(tmp_path: Path, run: Callable[..., Run]) -> None:
    suite = f"""
suite: audit
task: from_scores
data: {{use: saved_probabilities, with: {{path: {save(tmp_path)}, holds: probabilities}}}}
metrics: [accuracy, ece, brier, nll, multiclass_brier, classwise_ece, aurc]
"""
    (row,) = run(suite).rows
    assert row.reason == ""
    assert row.estimates["accuracy"].value == 0.5
    assert row.estimates["nll"].value == pytest.approx(-np.log([0.7, 0.8, 0.3, 0.25]).mean())
    assert row.estimates["ece"].n == row.estimates["classwise_ece"].n == 4
