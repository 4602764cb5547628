"""Coloured digits: who has which colour, how strong it is, and that nothing else differs."""

from __future__ import annotations

import numpy as np
import pytest

from harness_fairness.data.colored_digits import colored_digits


def shares(**how: object) -> dict[str, float]:
    data = colored_digits("train", **how)  # type: ignore[arg-type]
    population, colour = np.array(data.groups["population"]), np.array(data.groups["colour"])
    return {
        "minority": float((population == "minority").mean()),
        **{name: float((colour[population == name] == "own").mean()) for name in ("majority", "minority_own")[:1]},
        "minority_own": float((colour[population == "minority"] == "own").mean()),
    }


def test_the_colour_betrays_the_majority_and_misleads_about_the_minority() -> None:
    found = shares()
    assert found["minority"] == pytest.approx(0.1, abs=0.03)
    assert found["majority"] == pytest.approx(0.95, abs=0.02)
    assert found["minority_own"] == pytest.approx(0.05, abs=0.07)
    test = colored_digits("test")
    assert np.mean([name == "minority" for name in test.groups["population"]]) == pytest.approx(0.5, abs=0.07)


def test_without_amplitude_there_is_no_colour() -> None:
    inputs = colored_digits(amplitude=0).columns["inputs"]
    assert np.array_equal(inputs[:, 0], inputs[:, 1])
    assert np.array_equal(inputs[:, 0], inputs[:, 2])


def test_digits_and_groups_are_the_same_at_every_amplitude() -> None:
    weak, strong = colored_digits(amplitude=0.2), colored_digits(amplitude=1.0)
    assert weak.groups == strong.groups
    assert weak.ids == strong.ids
    grey = colored_digits(amplitude=0).columns["inputs"]
    distances = [np.abs(each.columns["inputs"] - grey).sum() for each in (weak, strong)]
    assert distances[1] == pytest.approx(5 * distances[0], rel=1e-4)
    assert 0 <= strong.columns["inputs"].min() <= strong.columns["inputs"].max() <= 1


def test_own_colours_are_one_per_class_and_other_ones_of_another() -> None:
    data = colored_digits("train", amplitude=1.0)
    ground = data.columns["inputs"][:, :, 0, 0].round(3)  # a corner pixel is ground for nearly every digit
    own = np.array(data.groups["colour"]) == "own"
    labels = data.columns["labels"]
    usual = [
        max(map(tuple, ground[own & (labels == k)]), key=list(map(tuple, ground[own & (labels == k)])).count)
        for k in range(10)
    ]
    assert len(set(usual)) == 10
    wrong = [tuple(g) == usual[k] for g, k in zip(ground[~own], labels[~own], strict=True)]
    assert np.mean(wrong) < 0.02


def test_the_splits_are_disjoint() -> None:
    parts = [set(colored_digits(split).ids) for split in ("train", "validation", "test")]  # type: ignore[arg-type]
    assert [len(part) for part in parts] == [1077, 180, 540]
    assert len(set.union(*parts)) == 1797
