"""Nested and stratified subsets, by draw."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from harness.api import Examples, HarnessError
from harness_capacity.data.subset import Subset
from labelled_grids import images


def unbalanced() -> Examples:
    """90 examples of class 0, 9 of class 1 and 1 of class 2."""
    data = images(100)
    return Examples(data.ids, {**data.columns, "labels": np.repeat([0, 1, 2], [90, 9, 1])}, facts=data.facts)


def test_smaller_subsets_are_within_larger_ones() -> None:
    subsets = [set(Subset(images(), n).ids) for n in (4, 5, 17, 90, 200)]
    assert [len(ids) for ids in subsets] == [4, 5, 17, 90, 200]
    assert all(one < other for one, other in pairwise(subsets))


def test_classes_are_in_proportion_and_none_is_left_out() -> None:
    for n, expected in ((3, [1, 1, 1]), (20, [17, 2, 1]), (50, [45, 4, 1]), (100, [90, 9, 1])):
        labels = np.asarray(Subset(unbalanced(), n).take(range(n))["labels"])
        assert np.abs(np.bincount(labels, minlength=3) - expected).max() <= 1
        assert set(labels) == {0, 1, 2}
    assert np.bincount(np.asarray(Subset(images(), 40).take(range(40))["labels"])).tolist() == [10] * 4


def test_columns_groups_and_ids_stay_together() -> None:
    data, made = images(), Subset(images(), 30, draw=2)
    rows = [data.ids.index(name) for name in made.ids]
    taken = made.take([4, 1])
    assert np.array_equal(taken["inputs"], data.take([rows[4], rows[1]])["inputs"])
    assert made.groups["side"] == [data.groups["side"][row] for row in rows]
    assert made.facts == data.facts


def test_draws_differ_and_follow_from_the_content_alone() -> None:
    data = images()
    assert set(Subset(data, 20).ids) != set(Subset(data, 20, draw=1).ids)
    order = np.random.default_rng(1).permutation(len(data.ids))
    shuffled = Examples([data.ids[i] for i in order], data.take(order), facts=data.facts)
    assert list(Subset(shuffled, 20).ids) == list(Subset(data, 20).ids)


def test_numbers_need_no_classes() -> None:
    data = Examples(["a", "b", "c"], {"inputs": np.arange(3.0)[:, None], "targets": np.arange(3.0)})
    assert len(Subset(data, 2).ids) == 2


def test_test_data_are_whole() -> None:
    test = images(20, seed=1, prefix="t")
    made = Subset(images(), 4, test, split="test")
    assert list(made.ids) == list(test.ids)
    assert np.array_equal(made.take([3])["inputs"], test.take([3])["inputs"])


@pytest.mark.parametrize(
    ("n", "message"),
    [(201, "n is 201, and the dataset has 200 examples"), (3, "n is 3, fewer than the 4 classes of the dataset")],
)
def test_sizes_that_cannot_be(n: int, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        Subset(images(), n)
