"""EOT-PGD: the gradient of a random model is that of its mean, and so is the verdict."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, LabelledInputs
from harness_adversarial.attacks.eot_pgd import EotPGD


class Random(nn.Module):
    """The score of class 1 is mean(x) - bar, times a random factor that is negative one time in five."""

    def __init__(self, bar: float) -> None:
        super().__init__()
        self.bar, self.passes = bar, 0
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        self.passes += 1
        sign = torch.where(torch.rand(len(inputs), generator=self.generator) < 0.2, -1.0, 1.0)
        score = sign * (inputs.flatten(1).mean(1) - self.bar)
        return torch.stack([-score, score], dim=1)


def batch(n: int = 20) -> LabelledInputs:
    inputs = torch.full((n, 1, 4, 4), 0.5)
    return LabelledInputs([f"e{i}" for i in range(n)], inputs, torch.zeros(n, dtype=torch.long))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_mean_over_draws_finds_the_way_a_random_gradient_hides(norm: str) -> None:
    """The bar is within the budget: on average over 100 draws every example gets there, by less than the budget."""
    eps = 0.2 if norm == "linf" else 0.8
    found = EotPGD(eps, norm, steps=10, draws=100).search(Random(0.6), batch(), Context())  # type: ignore[arg-type]
    assert bool(found.fooled.all())
    assert bool((found.candidates.flatten(1).mean(1) > 0.6).all())
    assert float((found.candidates - 0.5).abs().max()) <= 0.8


def test_a_lucky_draw_does_not_count() -> None:
    """The bar is out of reach: single draws fool the model one time in five, their mean does not."""
    often = EotPGD(0.1, steps=5, draws=201).search(Random(0.9), batch(), Context())
    once = EotPGD(0.1, steps=5, draws=1).search(Random(0.9), batch(), Context())
    assert not bool(often.fooled.any())
    assert int(once.fooled.sum()) > 5
    assert float((often.candidates - 0.5).abs().max()) <= 0.1 + 1e-6


def test_passes_are_draws_times_iterates() -> None:
    model = Random(0.9)
    EotPGD(0.1, steps=3, draws=101).perturb(model, batch(4), Context())
    assert model.passes == 4 * 101


def test_an_empty_pool_and_no_budget() -> None:
    assert EotPGD(0.1).perturb(Random(0.9), batch(0), Context()).shape == (0, 1, 4, 4)
    assert torch.equal(EotPGD(0.0, draws=1).perturb(Random(0.9), batch(2), Context()), batch(2).inputs)
