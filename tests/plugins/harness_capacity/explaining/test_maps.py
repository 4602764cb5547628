"""Maps: checked at the border, and read by position."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from harness.api import ExplainedInputs, InvalidOutput
from harness_capacity.explaining.maps import checked_map, importance, on_inputs, parts_of_logit, positions, ranks

IMAGES = ExplainedInputs(["a", "b"], torch.ones(2, 3, 2, 2), torch.zeros(2).long())
TABLE = ExplainedInputs(["a", "b"], torch.ones(2, 4), torch.zeros(2).long())


def method(quantity: str) -> Any:
    return SimpleNamespace(quantity=quantity)


@pytest.mark.parametrize(
    ("returned", "quantity", "batch", "told"),
    [
        ([1.0], "relevance", TABLE, "returned a list, not a tensor"),
        (torch.ones(2, 2, 2), "relevance", IMAGES, r"shape \[2, 2, 2\], expected \[2, 3, 2, 2\] or \[2, 1, 2, 2\]"),
        (torch.ones(2, 1, 2, 2), "gradient", IMAGES, r"expected \[2, 3, 2, 2\]$"),
        (torch.ones(2, 1), "relevance", TABLE, r"expected \[2, 4\]$"),
        (torch.tensor([[1.0] * 4, [1.0, 1.0, float("nan"), 1.0]]), "relevance", TABLE, "1 maps .* first for 'b'"),
    ],
)
def test_what_breaks_the_contract(returned: Any, quantity: str, batch: ExplainedInputs, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        checked_map(returned, batch, method(quantity))


def test_one_channel_and_other_dtypes_are_taken() -> None:
    made = checked_map(torch.ones(2, 1, 2, 2, dtype=torch.float64), IMAGES, method("contribution"))
    assert (made.shape, made.dtype) == ((2, 1, 2, 2), torch.float32)


def test_channels_are_summed_and_the_sign_of_a_gradient_is_none_of_importance() -> None:
    values = torch.tensor([[1.0, -2.0], [3.0, 1.0]]).reshape(1, 2, 1, 2)
    assert importance(values, method("contribution")).tolist() == [[4.0, -1.0]]
    assert importance(values, method("gradient")).tolist() == [[4.0, 3.0]]
    inputs = torch.tensor([[1.0, 1.0], [0.0, 2.0]]).reshape(1, 2, 1, 2)
    assert parts_of_logit(values, method("gradient"), inputs).tolist() == [[1.0, 0.0]]
    assert parts_of_logit(values, method("contribution"), inputs).tolist() == [[4.0, -1.0]]


def test_positions_are_pixels_of_images_and_elements_of_all_else() -> None:
    assert (positions(IMAGES.inputs), positions(TABLE.inputs)) == (4, 4)
    assert on_inputs(torch.arange(8).reshape(2, 4), IMAGES.inputs).shape == (2, 1, 2, 2)
    assert on_inputs(torch.arange(8).reshape(2, 4), TABLE.inputs).shape == (2, 4)


def test_the_largest_value_has_the_first_place_and_ties_follow_their_keys() -> None:
    values = torch.tensor([[1.0, 5.0, 1.0, 3.0], [2.0, 2.0, 2.0, 2.0]])
    ties = torch.tensor([[0.9, 0.1, 0.2, 0.3], [0.4, 0.1, 0.3, 0.2]])
    assert ranks(values, ties).tolist() == [[3, 0, 2, 1], [3, 0, 2, 1]]
