"""Planted patterns: where they are, and that nothing else tells the class."""

from __future__ import annotations

import numpy as np

from harness_capacity.data.planted_pattern import PATTERNS, SIDE, planted_pattern


def test_splits_share_no_image_and_sizes_are_fixed() -> None:
    train, test = planted_pattern("train"), planted_pattern("test")
    assert (len(train.ids), len(test.ids)) == (1437, 360)
    assert not set(train.ids) & set(test.ids)
    assert test.columns["inputs"].shape == (360, 1, SIDE, SIDE)
    assert test.facts["classes"] == ["plus", "cross", "ring"]
    assert planted_pattern("test").ids == test.ids


def test_the_cause_holds_the_pattern_of_the_class_and_no_ink_of_the_digit_touches_it() -> None:
    data = planted_pattern()
    for image, cause, label in zip(*(data.columns[name] for name in ("inputs", "cause", "labels")), strict=True):
        assert cause.sum() == 9
        inside = image[cause].reshape(3, 3)
        # Each pattern looks the same after a quarter turn.
        assert np.array_equal(inside, PATTERNS[label])
        rows, columns = np.nonzero(cause[0])
        around = image[0, max(0, rows.min() - 1) : rows.max() + 2, max(0, columns.min() - 1) : columns.max() + 2]
        assert around.sum() == inside.sum()


def test_classes_are_even_and_independent_of_the_place() -> None:
    columns = planted_pattern("train").columns
    counts = np.bincount(columns["labels"])
    assert counts.min() > 440
    left = columns["cause"][:, 0, :, : SIDE // 2].any(axis=(1, 2))
    shares = [left[columns["labels"] == label].mean() for label in range(3)]
    assert max(shares) - min(shares) < 0.08
