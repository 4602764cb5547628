"""Margins worked out by hand, and their gradient."""

from __future__ import annotations

import torch

from harness.api.instruments import logit_margin


def test_the_margin_is_the_own_logit_less_the_largest_other() -> None:
    logits = torch.tensor([[3.0, 1.0, 2.5], [0.0, 4.0, -1.0], [1.0, 1.0, 0.0]])
    assert logit_margin(logits, torch.tensor([0, 2, 1])).tolist() == [0.5, -5.0, 0.0]


def test_the_gradient_is_of_both_logits() -> None:
    logits = torch.tensor([[3.0, 1.0, 2.5]], requires_grad=True)
    (gradient,) = torch.autograd.grad(logit_margin(logits, torch.tensor([0])).sum(), logits)
    assert gradient.tolist() == [[1.0, 0.0, -1.0]]
