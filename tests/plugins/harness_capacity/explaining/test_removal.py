"""What removed positions are replaced by; the curves themselves have an anchor."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from harness.api import NotApplicable
from harness_capacity.explaining.removal import baseline_inputs, removal_areas

INPUTS = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def test_zero_and_mean() -> None:
    mean = INPUTS.mean(dim=0)
    assert not baseline_inputs("zero", INPUTS, mean).any()
    assert torch.equal(baseline_inputs("mean", INPUTS, mean)[1], mean)


def test_a_blur_is_gaussian_and_keeps_what_is_even() -> None:
    even = torch.full((1, 1, 8, 8), 0.7)
    torch.testing.assert_close(baseline_inputs("blur", even, even[0]), even)
    point = torch.zeros(1, 1, 64, 64)
    point[0, 0, 32, 32] = 1.0
    blurred = baseline_inputs("blur", point, point[0])[0, 0]
    # Deviation 8 pixels: exp(-1/2 (4^2 + 2^2) / 64) of the middle.
    assert float(blurred[36, 30] / blurred[32, 32]) == pytest.approx(2.718281828 ** (-20 / 128), rel=1e-3)
    with pytest.raises(NotApplicable, match="`baselines: \\[zero, mean\\]`"):
        baseline_inputs("blur", torch.ones(2, 3), torch.ones(3))


def test_both_areas_of_a_model_that_never_changes_are_its_probability() -> None:
    def logits(points: Tensor) -> Tensor:
        return torch.tensor([[0.0, 1.0]]).expand(len(points), 2)

    places = torch.arange(64).expand(2, 64)
    for area in removal_areas(logits, INPUTS, torch.zeros_like(INPUTS), torch.tensor([1, 1]), places, 7):
        assert area.tolist() == pytest.approx([0.7310586] * 2)
