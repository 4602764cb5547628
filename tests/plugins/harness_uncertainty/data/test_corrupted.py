"""Corrupted data, and the same as an attack."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from harness import Run
from harness.api import Context, Dataset, Examples, InvalidOutput, LabelledInputs
from harness_uncertainty.data.corrupted import Corrupted, Corruption


def data(n: int = 12) -> Examples:
    inputs = np.random.default_rng(0).random((n, 1, 8, 8)).astype(np.float32)
    columns = {"inputs": inputs, "labels": np.arange(n)}
    return Examples([f"e{i}" for i in range(n)], columns, {"side": ["left"] * n}, {"box": [0.0, 1.0]})


def test_all_but_the_pixels_is_that_of_the_images() -> None:
    made = Corrupted(data(), "noise", 3)
    assert isinstance(made, Dataset)
    assert (made.ids, made.groups, made.facts) == (data().ids, data().groups, data().facts)
    assert made.take([2, 5])["labels"].tolist() == [2, 5]
    whole, some = made.take(range(12))["inputs"], made.take([7, 3])["inputs"]
    assert np.array_equal(some, whole[[7, 3]])
    assert not np.array_equal(whole, data().columns["inputs"])
    assert not np.array_equal(Corrupted(data(), "noise", 3, draw=1).take(range(12))["inputs"], whole)


def test_the_attack_gives_the_same_images() -> None:
    inputs = torch.as_tensor(data().columns["inputs"])
    batch = LabelledInputs(data().ids, inputs, torch.zeros(12).long())
    for batch_size in (5, 100):
        found = Corruption("rotation", 4).perturb(None, batch, Context(batch_size=batch_size))
        assert np.allclose(found.numpy(), Corrupted(data(), "rotation", 4).take(range(12))["inputs"], atol=1e-6)
    assert str(Corruption("noise", 1).threat) == "any"


def test_data_without_images_are_refused() -> None:
    with pytest.raises(InvalidOutput, match="no column 'inputs'"):
        Corrupted(Examples(["a"], {"labels": [0]}), "noise", 1).take([0])


SUITE = """
suite: corrupted
task: classify
data:
  - {use: digits, limit: 60}
  - use: corrupted
    with: {dataset: {use: digits, with: {split: test}}}
    limit: 60
    sweep: {kind: [noise], severity: [5]}
models: [{use: digit_linear, with: {epochs: 10}}]
attacks: [none, {use: corruption, with: {kind: noise, severity: 5}}]
include: [{data: digits}, {attack: none}]
metrics: [accuracy, robust_accuracy, ece]
"""


def test_who_is_right_on_corrupted_data_is_who_withstands_the_attack(run: Callable[..., Run]) -> None:
    """But for those that are wrong without corruption and right with it."""
    done = run(SUITE)
    assert [row.reason for row in done.rows] == [""] * 3
    clean, attacked = done.row(data="digits", attack="none"), done.row(attack="corruption")
    shifted = done.row(data="corrupted kind=noise severity=5")
    right = [done.records(row).floats("correct") for row in (clean, shifted)]
    assert attacked.estimates["robust_accuracy"].value == pytest.approx((right[0] * right[1]).mean())
    assert attacked.protocol["threat"]["norm"] is None
    assert clean.key != shifted.key
    assert shifted.estimates["accuracy"].value < clean.estimates["accuracy"].value  # type: ignore[operator]
