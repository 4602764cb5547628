"""Values of examples applied to whole examples."""

from __future__ import annotations

import torch

from harness.api.instruments import per_example


def test_values_apply_to_their_own_example() -> None:
    inputs = torch.ones(2, 3, 4, 4)
    scaled = per_example(torch.tensor([2.0, 5.0]), inputs) * inputs
    assert (scaled[0] == 2).all()
    assert (scaled[1] == 5).all()
    assert per_example(torch.tensor([True, False]), inputs).shape == (2, 1, 1, 1)


def test_examples_that_are_numbers_and_no_examples_at_all() -> None:
    assert per_example(torch.tensor([2.0, 5.0]), torch.ones(2)).tolist() == [2.0, 5.0]
    assert per_example(torch.zeros(0), torch.zeros(0, 3)).shape == (0, 1)
