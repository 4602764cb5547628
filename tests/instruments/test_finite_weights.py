"""One weight that is not finite is refused, and named."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.contract.errors import HarnessError
from harness.instruments.finite_weights import check_finite_weights


def network() -> nn.Module:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    model.register_buffer("mask", torch.tensor([0.0, -float("inf")]))
    return model


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["0.weight", "0.bias", "1.weight", "1.running_mean", "1.running_var", "mask"])
def test_one_value_is_enough(name: str, value: float) -> None:
    model = network()
    model.state_dict()[name].view(-1)[0] = value
    with pytest.raises(HarnessError, match=rf"the weights in w\.pt are not finite \(NaN or infinite\), in {name}: the"):
        check_finite_weights(model, "w.pt")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_finite_ones_and_masks_pass(dtype: torch.dtype) -> None:
    model = network().to(dtype)
    check_finite_weights(model, "w.pt")
    with torch.no_grad():
        next(model.parameters())[0, 0] = -float("inf")
    with pytest.raises(HarnessError, match=r"in 0\.weight"):
        check_finite_weights(model, "w.pt")


def test_many_are_counted() -> None:
    model = nn.Sequential(*(nn.Linear(1, 1) for _ in range(3)))
    for parameter in model.parameters():
        parameter.data.fill_(float("nan"))
    with pytest.raises(HarnessError, match=r"in 0\.weight, 0\.bias, 1\.weight and 3 more: the file is damaged"):
        check_finite_weights(model, "w.pt")
