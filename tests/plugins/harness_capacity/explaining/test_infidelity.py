"""Random parts of inputs, and edge cases of infidelity; its values have an anchor."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.api import Context
from harness_capacity.explaining.infidelity import drawn_parts, infidelity

IDS = [f"e{i}" for i in range(40)]


def test_parts_of_images_are_squares_of_all_sizes_up_to_half() -> None:
    parts = drawn_parts(IDS, torch.zeros(40, 3, 6, 8), 20, Context()).reshape(-1, 6, 8)
    heights, widths = parts.any(dim=2).sum(dim=1), parts.any(dim=1).sum(dim=1)
    assert torch.equal(heights, widths)
    assert torch.equal(heights * widths, parts.sum(dim=(1, 2)))
    assert heights.unique().tolist() == [1, 2, 3]
    # Every pixel is in some part, the corners too.
    assert bool(parts.any(dim=0).all())


def test_parts_of_all_else_are_elements_by_a_coin_and_follow_the_example() -> None:
    parts = drawn_parts(IDS, torch.zeros(40, 10), 8, Context())
    assert parts.shape == (8, 40, 10)
    assert 0.45 < float(parts.float().mean()) < 0.55
    assert torch.equal(drawn_parts(IDS[3:4], torch.zeros(1, 10), 8, Context())[:, 0], parts[:, 3])


def constant(points: Tensor) -> Tensor:
    return torch.ones(len(points), 2)


def test_a_logit_that_never_changes_has_no_share_and_an_empty_map_explains_nothing() -> None:
    parts, targets = torch.ones(2, 1, 3, dtype=torch.bool), torch.tensor([0])
    _, _, defined = infidelity(constant, torch.ones(1, 3), targets, parts, torch.ones(1, 3))
    assert defined.tolist() == [False]

    def total(points: Tensor) -> Tensor:
        return points.sum(dim=1, keepdim=True)

    raw, share, defined = infidelity(total, torch.ones(1, 3), targets, parts, torch.zeros(1, 3))
    assert (raw.tolist(), share.tolist(), defined.tolist()) == ([9.0], [1.0], [True])
