"""Columns of datasets as tensors: what is taken as it is, and what is refused in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from harness.api import InvalidOutput
from harness.api.instruments import column_tensor, whole_labels


@pytest.mark.parametrize("kind", ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"])
def test_labels_of_any_width_become_int64(kind: str) -> None:
    labels = whole_labels(np.array([2, 0, 1], dtype=kind))
    assert (labels.tolist(), labels.dtype) == ([2, 0, 1], torch.int64)


@pytest.mark.parametrize("values", [[2, 0, 1], torch.tensor([2, 0, 1]), (2, 0, 1), [np.int64(2), 0, 1]])
def test_labels_of_any_container(values: Any) -> None:
    assert whole_labels(values).tolist() == [2, 0, 1]


def test_truth_values_are_the_labels_0_and_1() -> None:
    assert whole_labels(np.array([True, False])).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            np.array([[2], [0]]),
            r"labels have shape \[2, 1\]; one whole number for each example is needed: flatten them",
        ),
        (np.eye(3, dtype=int), r"labels have shape \[3, 3\]; .* needed: take their argmax"),
        (np.eye(3), r"labels have shape \[3, 3\]; .* needed: take their argmax"),
        (np.zeros((2, 3, 3), int), r"labels have shape \[2, 3, 3\]; one whole number for each example is needed$"),
        (np.int64(2), r"labels have shape \[\]"),
        (np.array([0.0, 1.0]), "labels must be whole numbers, not float64"),
        (
            np.array(["2", "0"]),
            r"labels cannot be read as an array of numbers; the first one is np.str_\('2'\), of type str_",
        ),
        (["cat", "dog"], r"labels cannot be read as an array of numbers; the first one is 'cat', of type str"),
        ([1, None], "labels cannot be read as an array of numbers"),
        (np.array([1, None]), "labels cannot be read as an array of numbers"),
        ([[1], [1, 2]], "labels cannot be read as an array of numbers"),
        (None, r"an array of numbers; the first one is None, of type NoneType"),
    ],
)
def test_labels_that_are_refused(values: Any, message: str) -> None:
    with pytest.raises(InvalidOutput, match=message):
        whole_labels(values)


def test_a_column_that_requires_a_gradient_is_taken_without() -> None:
    given = torch.rand(3, 2, requires_grad=True)
    column = column_tensor(given, "inputs")
    assert not column.requires_grad
    assert torch.equal(column, given)
