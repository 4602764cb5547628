"""Norms of differences by hand, exact and fast."""

from __future__ import annotations

import pytest
import torch

from harness.api.instruments import distance


@pytest.mark.parametrize(("norm", "expected"), [("linf", 4.0), ("l2", 5.0), ("l1", 7.0), ("l0", 2.0)])
@pytest.mark.parametrize("exact", [True, False])
def test_norms_by_hand(norm: str, expected: float, exact: bool) -> None:
    difference = torch.tensor([[3.0, -4.0, 0.0], [0.0, 0.0, 0.0]])
    found = distance(difference, norm, exact=exact)
    assert found.tolist() == [expected, 0.0]
    assert found.dtype == (torch.float64 if exact else torch.float32)


def test_l0_counts_positions_of_an_image_and_not_channels() -> None:
    difference = torch.zeros(1, 3, 2, 2)
    difference[0, :, 0, 1] = 0.5
    assert distance(difference, "l0").tolist() == [1.0]


def test_an_exact_sum_over_many_small_changes_keeps_its_digits() -> None:
    difference = torch.full((1, 4_000_000), 0.1)
    assert float(distance(difference, "l1")) == pytest.approx(4_000_000 * float(torch.tensor(0.1)), rel=1e-12)


def test_the_fast_norm_has_a_gradient_at_zero() -> None:
    difference = torch.zeros(1, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(distance(difference, "l2", exact=False).sum(), difference)
    assert gradient.tolist() == [[0.0, 0.0, 0.0]]


def test_an_unknown_norm_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown norm 'l3'"):
        distance(torch.zeros(1, 3), "l3")
