"""captum's methods by their names, where the library is installed."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from torch import nn

from harness.api import Context, ExplainedInputs, HarnessError
from harness_capacity.attributions.captum_adapter import CaptumMethod, CaptumName

pytest.importorskip("captum", reason="captum is not installed; it comes with the extra `attribution`")
WEIGHTS = torch.tensor([[1.0, -2.0, 3.0, 0.5], [0.0, 1.0, 1.0, 1.0]])
OPTIONS: dict[str, dict[str, Any]] = {
    "Lime": {"n_samples": 40},
    "KernelShap": {"n_samples": 40},
    "Occlusion": {"sliding_window_shapes": [1, 1, 1]},
}
SAMPLED = ("Lime", "FeaturePermutation")


def linear() -> nn.Module:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    network[1].weight.data = WEIGHTS.clone()
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize("name", get_args(CaptumName))
def test_every_method_on_a_linear_model(name: CaptumName) -> None:
    inputs = torch.tensor([[0.5, 0.25, 1.0, 0.75], [1.0, 0.5, 0.25, 0.5]]).reshape(2, 1, 2, 2)
    batch = ExplainedInputs(["a", "b"], inputs, torch.tensor([0, 1]))
    torch.manual_seed(0)
    method = CaptumMethod(name, OPTIONS.get(name))
    maps = method.attribute(linear(), batch, Context())
    assert maps.shape == inputs.shape
    if name not in SAMPLED:
        factor = inputs if method.quantity != "gradient" else torch.ones_like(inputs)
        expected = WEIGHTS[batch.targets].reshape(inputs.shape) * factor
        torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-4)


def test_sizes_of_gradients_have_no_sign_and_so_no_unit() -> None:
    assert CaptumMethod("Saliency").quantity == "gradient"
    assert CaptumMethod("Saliency", {"abs": True}).quantity == "relevance"


def test_an_unknown_option_is_named_with_what_is_near() -> None:
    with pytest.raises(HarnessError, match="IntegratedGradients has no option 'n_step'; did you mean 'n_steps'"):
        CaptumMethod("IntegratedGradients", {"n_step": 3})
