"""The diabetes data: splits, groups and standardisation."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from harness_fairness.data.diabetes import diabetes


def test_the_splits_are_the_whole() -> None:
    parts = [diabetes(split) for split in ("train", "validation", "test")]  # type: ignore[arg-type]
    assert [len(part.ids) for part in parts] == [220, 74, 148]
    assert set().union(*(part.ids for part in parts)) == set(diabetes("all").ids)


def test_values_are_those_of_scikit_learn() -> None:
    data, raw = diabetes("all"), load_diabetes(scaled=False)
    rows = [int(name.removeprefix("patient-")) for name in data.ids]
    assert np.array_equal(data.columns["targets"], raw.target[rows])
    assert Counter(data.groups["sex"]) == {"1": 235, "2": 207}
    for row, band in zip(rows, data.groups["age_band"], strict=True):
        age = raw.data[row, 0]
        assert band == ("under 40" if age < 40 else "40 to 54" if age < 55 else "55 and over")


def test_inputs_are_standardised_over_the_training_patients() -> None:
    inputs = diabetes("train").columns["inputs"]
    assert inputs.mean(axis=0) == pytest.approx(np.zeros(10), abs=1e-5)
    assert inputs.std(axis=0) == pytest.approx(np.ones(10), abs=1e-5)
    assert np.abs(diabetes("test").columns["inputs"].mean(axis=0)).max() > 0.01
