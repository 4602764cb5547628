"""Networks of different structure: equal sizes, invariance by construction, a fixed permutation, training."""

from __future__ import annotations

import pytest
import torch

from harness.api import Context, HarnessError
from harness_capacity.models.structured_net import StructuredNet
from labelled_grids import images


def net(seed: int = 0, **how: object) -> StructuredNet:
    torch.manual_seed(seed)
    return StructuredNet(**{"pixels": 4, "classes": 4, **how}).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("structure", ["mlp", "conv", "pooled_conv"])
def test_the_number_of_parameters_is_met_within_five_percent(structure: str) -> None:
    made = StructuredNet(structure, parameters=5000)  # type: ignore[arg-type]
    assert made.facts["parameters"] == sum(p.numel() for p in made.parameters())
    assert abs(made.facts["parameters"] - 5000) <= 250


def test_sizes_by_hand() -> None:
    assert StructuredNet("mlp", width=10).facts["parameters"] == 64 * 10 + 10 + 100 + 10
    assert StructuredNet("conv", width=2).facts["parameters"] == 18 + 2 + 36 + 2 + 2 * 16 * 10 + 10
    assert StructuredNet("pooled_conv", width=2).facts["parameters"] == 18 + 2 + 2 * (36 + 2) + 20 + 10


def test_what_cannot_be_met_is_an_error() -> None:
    with pytest.raises(HarnessError, match="no width has 100 parameters within 5 %; the nearest have 85 or 160"):
        StructuredNet("mlp", parameters=100)
    for how in ({}, {"width": 4, "parameters": 100}):
        with pytest.raises(HarnessError, match="one of `width` and `parameters`"):
            StructuredNet("mlp", **how)


def test_pooled_convolutions_with_circular_padding_are_invariant_to_rolling() -> None:
    inputs = torch.as_tensor(images(8).columns["inputs"])
    rolled = inputs.roll((1, 2), (2, 3))
    pooled = net(structure="pooled_conv", width=6, padding="circular")
    assert torch.allclose(pooled(inputs), pooled(rolled), atol=1e-6)
    for other in ({"structure": "conv"}, {"structure": "mlp"}, {"structure": "pooled_conv", "permuted": True}):
        made = net(width=6, padding="circular", **other)
        assert not torch.allclose(made(inputs), made(rolled), atol=1e-3)


def test_the_permutation_is_one_for_all_seeds() -> None:
    one, other = net(0, width=4, permuted=True), net(1, width=4, permuted=True)
    assert torch.equal(one.order, other.order)
    assert sorted(one.order.tolist()) == list(range(16))
    assert one.order.tolist() != list(range(16))
    assert net(width=4).order.tolist() == list(range(16))


def test_it_learns_its_training_examples_as_a_function_of_the_seed() -> None:
    data = images(40)
    weights = []
    for _ in range(2):
        made = net(width=64, steps=400, learning_rate=1e-2)
        made.fit(lambda split: data, Context(seed=3))
        weights.append(made.network[1].weight.detach().clone())
    with torch.no_grad():
        right = made(torch.as_tensor(data.columns["inputs"])).argmax(dim=1).numpy() == data.columns["labels"]
    assert right.mean() > 0.95
    assert torch.equal(*weights)
