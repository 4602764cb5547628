"""What classifiers return, as logits; what cannot be read is refused in words."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.contract.errors import HarnessError, InvalidOutput
from harness.instruments.counted_model import CountedModel
from harness.instruments.model_outputs import as_logits, input_dtype

Out = namedtuple("Out", "features logits")
Z = torch.arange(24.0).reshape(8, 3) / 7
INPUTS = torch.zeros(8, 5)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda z: z,
        lambda z: z.double(),
        lambda z: (z, None),
        lambda z: (z, z + 1),
        lambda z: {"loss": None, "logits": z},
        lambda z: OrderedDict(logits=z, hidden=z + 1),
        lambda z: Out(z + 1, z),
        lambda z: SimpleNamespace(logits=z),
        lambda z: z.numpy(),
        lambda z: z.double().numpy()[:, ::-1][:, ::-1],
        lambda z: z[:, :, None, None],
        lambda z: z.double().requires_grad_(True),
    ],
)
def test_logits_are_found(wrap: Callable[[Tensor], Any]) -> None:
    logits = as_logits(wrap(Z), INPUTS, 3)
    assert logits.dtype == torch.float32
    assert logits.tolist() == Z.tolist()


@pytest.mark.parametrize(("dtype", "error"), [(torch.float16, 1e-3), (torch.bfloat16, 1e-2)])
def test_half_precision_is_widened(dtype: torch.dtype, error: float) -> None:
    logits = as_logits(Z.to(dtype), INPUTS, 3)
    assert logits.dtype == torch.float32
    assert torch.allclose(logits, Z, rtol=error)


def test_one_logit_of_two_classes() -> None:
    assert as_logits(Z[:, :1], INPUTS, 2).tolist() == [[0.0, z] for z in Z[:, 0].tolist()]
    with pytest.raises(InvalidOutput, match=r"returned shape \[8, 1\] for 8 inputs; expected logits of shape \[8, 3\]"):
        as_logits(Z[:, :1], INPUTS, 3)


@pytest.mark.parametrize(
    ("outputs", "told"),
    [
        (Z[:4], r"returned shape \[4, 3\] for 8 inputs; expected logits of shape \[8, 3\]"),
        (Z.T, r"returned shape \[3, 8\]"),
        (Z[:, :, None].expand(8, 3, 2), r"returned shape \[8, 3, 2\]"),
        ((Z[:, :2], Z), r"returned a tuple of shape \[8, 2\] and shape \[8, 3\]"),
        ({"out": Z}, r"returned a dict of out: shape \[8, 3\]"),
        ((), "returned a tuple of nothing"),
        (None, "returned None for 8 inputs"),
        (Z.tolist(), "returned a list for 8 inputs"),
        (Z.argmax(1), r"numbers of type int64; expected logits, in floating point"),
        (Z.numpy() > 1, "numbers of type bool"),
        (Z.to(torch.complex64), "numbers of type complex64"),
        (np.array([["a"]]), r"returned a ndarray of shape \[1, 1\]"),
    ],
)
def test_what_cannot_be_read_is_refused(outputs: Any, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        as_logits(outputs, INPUTS, 3)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_inputs_are_given_in_the_precision_of_the_weights(dtype: torch.dtype) -> None:
    model = nn.Linear(5, 3).to(dtype)
    assert input_dtype(model) == dtype
    inputs = torch.rand(8, 5, requires_grad=True)
    logits = CountedModel(model, 3, 8, "cpu")(inputs)
    assert logits.dtype == torch.float32
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), inputs)
    assert torch.allclose(gradient, model.weight[0].float().expand(8, 5), atol=1e-6)


def test_float32_and_mixed_weights_take_inputs_as_they_are() -> None:
    assert input_dtype(nn.Linear(5, 3)) is None
    assert input_dtype(nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 3).double())) is None
    assert input_dtype(nn.Flatten()) is None
    assert input_dtype(len) is None


@pytest.mark.parametrize(
    "model",
    [
        lambda x: torch.zeros(8, 3),
        lambda x: (x[:, :3].detach(), None),
        lambda x: x[:, :3].numpy(),
        torch.no_grad()(lambda x: 2 * x[:, :3]),
    ],
)
def test_a_model_without_gradient_is_told_of_black_boxes(model: Any) -> None:
    counted = CountedModel(model, 3, 8, "cpu")
    with pytest.raises(HarnessError, match=r"no gradient to its inputs.* such as square or hopskipjump"):
        counted(torch.zeros(8, 5, requires_grad=True))
    assert counted(INPUTS).shape == (8, 3)
    with torch.no_grad():
        assert counted(INPUTS).shape == (8, 3)
