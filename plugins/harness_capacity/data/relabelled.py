"""Data with random labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le

from harness.api import ComponentOf, Dataset, HarnessError
from harness_capacity.data.both_splits import Split, TrainAndTest, draws_by_content


class Relabelled(TrainAndTest):
    """Training data of which a share has random labels; the test data keep the true ones.

    After Zhang et al. 2017, arXiv:1611.03530, section 2.1. A random label is any class with the same probability, the
    true one included. Which examples are relabelled, and how, follows from the content of each, so it is the same on
    every machine, and a larger share relabels the same examples and more. The group `relabelled` says which.

    Args:
        dataset: the training data.
        share: the share of the training examples that are given a random label.
        test: the test data, for `split: test`.
        draw: the number of the random draw.
        split: `train` with random labels, or `test`.

    Raises:
        HarnessError: the data have no labels or name no classes.
    """

    def __init__(
        self,
        dataset: Annotated[Dataset, ComponentOf("dataset")],
        share: Annotated[float, Ge(0), Le(1)],
        test: Annotated[Dataset | None, ComponentOf("dataset")] = None,
        draw: Annotated[int, Ge(0)] = 0,
        split: Split = "train",
    ) -> None:
        super().__init__(dataset, test, split)
        columns = self._dataset.take(range(len(self._dataset.ids)))
        if "labels" not in columns or "classes" not in self._dataset.facts:
            raise HarnessError("relabelled needs data with labels and with the names of their classes")
        self._labels = np.asarray(columns["labels"]).copy()
        self._changed = np.zeros(len(self._labels), dtype=bool)
        if split == "train":
            drawn = draws_by_content(columns["inputs"], "label", draw)
            self._changed = drawn[:, 0] < share
            random = np.floor(drawn[:, 1] * len(self._dataset.facts["classes"])).astype(self._labels.dtype)
            self._labels = np.where(self._changed, random, self._labels)

    @property
    def groups(self) -> Mapping[str, Sequence[Any]]:
        """The groups of the data, and whether each label is random."""
        return {**self._dataset.groups, "relabelled": ["yes" if changed else "no" for changed in self._changed]}

    def take(self, indices: Sequence[int]) -> Mapping[str, Any]:
        """The columns with the new labels."""
        return {**self._dataset.take(indices), "labels": self._labels[list(indices)]}
