"""Occlusion of small images, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from harness.api import Context, ExplainedInputs, InvalidOutput, NotApplicable
from harness_capacity.attributions.occlusion import Occlusion


def pixel_sum(inputs: Tensor, rows: Tensor | None = None) -> Tensor:
    total = inputs.flatten(1).sum(dim=1)
    return torch.stack([total, -total], dim=1)


def batch(height: int, width: int) -> ExplainedInputs:
    image = torch.arange(1.0, 1 + height * width).reshape(1, 1, height, width)
    return ExplainedInputs(["a"], image, torch.tensor([0]))


def test_a_pixel_has_the_mean_over_the_windows_that_cover_it() -> None:
    # 1 2 3 / 4 5 6: the two windows sum to 12 and 16.
    maps = Occlusion(window=2, stride=1).attribute(pixel_sum, batch(2, 3), Context())
    assert maps.tolist() == [[[[12.0, 14.0, 16.0], [12.0, 14.0, 16.0]]]]


def test_the_last_window_is_cut_off_by_the_border() -> None:
    maps = Occlusion(window=2, stride=2).attribute(pixel_sum, batch(2, 3), Context())
    assert maps.tolist() == [[[[12.0, 12.0, 9.0], [12.0, 12.0, 9.0]]]]


def test_baseline_and_all_channels_at_once() -> None:
    colour = ExplainedInputs(["a"], torch.ones(1, 3, 1, 1), torch.tensor([1]))
    assert Occlusion(window=1, baseline=3.0).attribute(pixel_sum, colour, Context()).tolist() == [[[[6.0]]]]


def test_only_single_pixels_are_parts_of_the_logit() -> None:
    assert (Occlusion(window=1).quantity, Occlusion(window=2).quantity) == ("contribution", "relevance")


def test_what_does_not_fit() -> None:
    with pytest.raises(InvalidOutput, match="a window of 3 pixels is larger than the image, 2 x 3"):
        Occlusion(window=3).attribute(pixel_sum, batch(2, 3), Context())
    with pytest.raises(InvalidOutput, match="a stride of 3 pixels leaves gaps between windows of 2"):
        Occlusion(window=2, stride=3)
    flat = ExplainedInputs(["a"], torch.ones(1, 3), torch.tensor([0]))
    with pytest.raises(NotApplicable, match=r"images \[n, C, H, W\]; inputs are \[n, 3\]"):
        Occlusion().attribute(pixel_sum, flat, Context())
