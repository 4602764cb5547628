"""Models with random weights, and the likeness of maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from harness.api import Context
from harness_capacity.explaining.randomised import randomised_copies, rank_correlation


class Own(nn.Module):
    """A layer that cannot initialise itself."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.arange(12.0).reshape(3, 4))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs @ self.scale


def model() -> nn.Sequential:
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(4, 3), nn.ReLU(), Own(), nn.Linear(4, 2))


def test_all_layers_are_drawn_anew_the_same_under_a_seed_and_the_model_stays() -> None:
    made = model()
    before = [parameter.clone() for parameter in made.parameters()]
    (copy,) = randomised_copies(made, False, Context(seed=1)).values()
    (again,) = randomised_copies(made, False, Context(seed=1)).values()
    (other,) = randomised_copies(made, False, Context(seed=2)).values()
    assert all(torch.equal(a, b) for a, b in zip(made.parameters(), before, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(copy.parameters(), again.parameters(), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(copy.parameters(), other.parameters(), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(copy.parameters(), before, strict=True))
    assert copy[2].scale.flatten().sort().values.tolist() == list(range(12))


def test_a_cascade_goes_from_the_top_with_the_weights_of_the_last_copy() -> None:
    made = model()
    copies = randomised_copies(made, True, Context())
    assert list(copies) == ["all", "top 1", "top 2"]
    top = copies["top 2"]
    assert torch.equal(top[0].weight, made[0].weight)
    assert torch.equal(top[2].scale, copies["all"][2].scale)
    assert torch.equal(top[3].weight, copies["all"][3].weight)
    assert torch.equal(copies["top 1"][2].scale, made[2].scale)


def test_what_is_no_network_has_no_copies() -> None:
    assert randomised_copies(lambda inputs: inputs, True, Context()) == {}
    assert randomised_copies(nn.ReLU(), True, Context()) == {}


def test_rank_correlation_is_spearmans_with_ties() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 5, (4, 30)).astype(float), rng.normal(size=(4, 30))
    found, defined = rank_correlation(torch.as_tensor(one), torch.as_tensor(other))
    expected = [spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)]
    assert found.tolist() == pytest.approx(expected)
    assert defined.all()
    _, defined = rank_correlation(torch.ones(1, 5), torch.arange(5.0)[None])
    assert defined.tolist() == [False]
