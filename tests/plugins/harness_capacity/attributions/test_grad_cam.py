"""Grad-CAM: which layer, and what it cannot explain."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.api import Context, ExplainedInputs, HarnessError, NotApplicable
from harness.api.instruments import CountedModel
from harness_capacity.attributions.grad_cam import GradCAM

BATCH = ExplainedInputs(
    ["a", "b"], torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0)), torch.zeros(2).long()
)


def network(inplace: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(inplace), nn.Conv2d(2, 3, 3, 2, 1), nn.Flatten(), nn.Linear(12, 2)
    )
    for parameter in made.parameters():
        # So that no map is cut off at 0 everywhere.
        parameter.data.abs_()
    return made.eval().requires_grad_(False)


def test_the_last_convolution_by_default_also_inside_the_model_that_counts() -> None:
    made = network()
    maps = GradCAM().attribute(made, BATCH, Context())
    assert maps.shape == (2, 1, 4, 4)
    assert bool((maps >= 0).all())
    torch.testing.assert_close(maps, GradCAM("2").attribute(made, BATCH, Context()))
    counted = CountedModel(made, 2, 2, "cpu").eval()
    torch.testing.assert_close(GradCAM("2").attribute(counted, BATCH, Context()), maps)
    assert not torch.allclose(GradCAM("0").attribute(made, BATCH, Context()), maps)


def test_what_follows_in_place_changes_nothing() -> None:
    maps = []
    for inplace in (False, True):
        made = network(inplace)
        # Half of each channel is negative, which the unit sets to 0.
        made[0].bias.data -= made[0](BATCH.inputs).transpose(0, 1).flatten(1).median(dim=1).values
        maps.append(GradCAM("0").attribute(made, BATCH, Context()))
    torch.testing.assert_close(*maps)
    assert float(maps[0].max()) > 0


@pytest.mark.parametrize(
    ("layer", "told"),
    [("features", "the model has no layer 'features'; it has 0, 1, 2, 3, 4"), ("22", "did you mean '2'")],
)
def test_an_unknown_layer_is_named_with_what_is_near(layer: str, told: str) -> None:
    with pytest.raises(HarnessError, match=told):
        GradCAM(layer).attribute(network(), BATCH, Context())


def test_what_it_does_not_apply_to() -> None:
    flat = ExplainedInputs(["a"], torch.ones(1, 4), torch.tensor([0]))
    with pytest.raises(NotApplicable, match=r"explains images \[n, C, H, W\]; inputs are \[n, 4\]"):
        GradCAM().attribute(nn.Linear(4, 2), flat, Context())
    with pytest.raises(NotApplicable, match="needs a convolution, and the model has none"):
        GradCAM().attribute(nn.Sequential(nn.Flatten(), nn.Linear(16, 2)), BATCH, Context())
    with pytest.raises(NotApplicable, match=r"feature maps \[n, K, h, w\]"):
        GradCAM("4").attribute(network(), BATCH, Context())
