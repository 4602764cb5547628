"""Random labels: how many, which, the same wherever an example stands, and true ones to test on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness import Run
from harness.api import Examples, HarnessError
from harness_capacity.data.relabelled import Relabelled
from labelled_grids import images


def labels(share: float, data: Examples | None = None, draw: int = 0) -> np.ndarray:
    data = data or images()
    return np.asarray(Relabelled(data, share, draw=draw).take(range(len(data.ids)))["labels"])


def test_about_the_share_is_relabelled_and_a_larger_share_relabels_those_and_more() -> None:
    data = images(2000)
    groups = [np.array(Relabelled(data, share).groups["relabelled"]) == "yes" for share in (0.25, 0.75)]
    assert groups[0].mean() == pytest.approx(0.25, abs=0.04)
    assert groups[1].mean() == pytest.approx(0.75, abs=0.04)
    assert not (groups[0] & ~groups[1]).any()
    assert Relabelled(data, 0.25).groups["side"] == data.groups["side"]


def test_random_labels_are_any_class_alike_and_independent_of_the_true_one() -> None:
    data = images(4000)
    drawn = labels(1.0, data)
    assert np.bincount(drawn, minlength=4) / 4000 == pytest.approx([0.25] * 4, abs=0.03)
    assert (drawn == data.columns["labels"]).mean() == pytest.approx(0.25, abs=0.03)


def test_what_an_example_is_relabelled_to_does_not_depend_on_whether_it_is() -> None:
    made = Relabelled(images(4000), 0.25)
    changed = np.array(made.groups["relabelled"]) == "yes"
    drawn = np.asarray(made.take(range(4000))["labels"])[changed]
    assert np.bincount(drawn, minlength=4) / len(drawn) == pytest.approx([0.25] * 4, abs=0.06)


def test_no_share_changes_nothing_and_another_draw_changes_others() -> None:
    assert np.array_equal(labels(0.0), images().columns["labels"])
    assert not np.array_equal(labels(1.0), labels(1.0, draw=1))


def test_the_label_belongs_to_the_content() -> None:
    data = images()
    order = np.random.default_rng(1).permutation(len(data.ids))
    shuffled = Examples([f"other{i}" for i in order], data.take(order), facts=data.facts)
    assert np.array_equal(labels(0.5, data)[order], labels(0.5, shuffled))


def test_some_examples_have_the_labels_that_they_have_among_all() -> None:
    made = Relabelled(images(), 0.5)
    assert np.array_equal(made.take([7, 3])["labels"], np.asarray(made.take(range(200))["labels"])[[7, 3]])
    assert np.array_equal(made.take([7])["inputs"], images().take([7])["inputs"])


def test_test_data_keep_their_labels() -> None:
    test = images(20, seed=1, prefix="t")
    made = Relabelled(images(), 1.0, test, split="test")
    assert list(made.ids) == list(test.ids)
    assert np.array_equal(made.take(range(20))["labels"], test.columns["labels"])
    assert set(made.groups["relabelled"]) == {"no"}


def test_splits_that_there_are_not_and_data_without_classes() -> None:
    with pytest.raises(HarnessError, match="name the data to test on with `test`"):
        Relabelled(images(), 1.0, split="test")
    with pytest.raises(HarnessError, match="has the splits train and test, not 'validation'"):
        Relabelled(images(), 1.0, split="validation")  # type: ignore[arg-type]
    with pytest.raises(HarnessError, match="data with labels"):
        Relabelled(Examples(["a"], {"inputs": np.zeros((1, 2))}), 1.0)


SUITE = """
suite: shares
task: classify
data: {use: relabelled, with: {dataset: {use: digits, with: {split: train}}, share: 1.5}}
models: [{use: structured_net, with: {width: 4}}]
metrics: [accuracy]
"""


def test_a_share_above_one_is_located(run: Callable[..., Run]) -> None:
    with pytest.raises(HarnessError, match=r"4:.*'share'"):
        run(SUITE)
