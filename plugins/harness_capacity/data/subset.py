"""The first examples of training data in a random, stratified order: how much is learnt from how little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.api import ComponentOf, Dataset, HarnessError
from harness_capacity.data.both_splits import Split, TrainAndTest, draws_by_content


class Subset(TrainAndTest):
    """n training examples, stratified by class and nested: those of a smaller n are among those of a larger one.

    Every class has an example before any has two; from then on classes are filled in proportion. Without labels the
    order is random. It follows from the content of each example, so it is the same on every machine.

    Args:
        dataset: the training data.
        n: the number of examples that are kept.
        test: the test data, whole, for `split: test`.
        draw: the number of the random draw of the order.
        split: `train`, the subset, or `test`.

    Raises:
        HarnessError: n is beyond the number of examples, or below that of classes.
    """

    def __init__(
        self,
        dataset: Annotated[Dataset, ComponentOf("dataset")],
        n: Annotated[int, Ge(1)],
        test: Annotated[Dataset | None, ComponentOf("dataset")] = None,
        draw: Annotated[int, Ge(0)] = 0,
        split: Split = "train",
    ) -> None:
        super().__init__(dataset, test, split)
        size = len(self._dataset.ids)
        if split == "test":
            self._rows = list(range(size))
            return
        if n > size:
            raise HarnessError(f"subset: n is {n}, and the dataset has {size} examples")
        columns = self._dataset.take(range(size))
        labels = np.asarray(columns["labels"]) if "labels" in columns else np.zeros(size, dtype=int)
        classes = len(np.unique(labels))
        if n < classes:
            raise HarnessError(f"subset: n is {n}, fewer than the {classes} classes of the dataset")
        self._rows = [int(row) for row in stratified_order(labels, columns["inputs"], draw)[:n]]

    @property
    def ids(self) -> Sequence[str]:
        """The ids of the examples kept."""
        return [self._dataset.ids[row] for row in self._rows]

    @property
    def groups(self) -> Mapping[str, Sequence[Any]]:
        """The groups of the examples kept."""
        return {name: [column[row] for row in self._rows] for name, column in self._dataset.groups.items()}

    def take(self, indices: Sequence[int]) -> Mapping[str, Any]:
        """The columns of the examples kept."""
        return self._dataset.take([self._rows[index] for index in indices])


def stratified_order(labels: npt.NDArray[Any], inputs: Any, draw: int) -> npt.NDArray[np.intp]:
    """An order `[n]` whose every beginning has the classes in proportion, each at least once as soon as there is room.

    Args:
        labels: `[n]`.
        inputs: `[n, ...]`, whose content decides the order within a class and among classes.
        draw: the number of the random draw.
    """
    drawn = draws_by_content(inputs, "subset", draw)
    place, later = np.empty(len(labels)), np.empty(len(labels), dtype=bool)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        rank = np.argsort(np.argsort(drawn[own, 0], kind="stable"), kind="stable")
        place[own], later[own] = (rank + 0.5) / len(own), rank > 0
    return np.lexsort((drawn[:, 1], place, later))
