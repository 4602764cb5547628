"""Floating-point operations worked out by hand, also where torch's own counter gives 0."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from harness.api.instruments import count_flops
from harness.instruments.flops import _formulas

IMAGE, SEQUENCE, TOKENS = torch.zeros(1, 3, 8, 8), torch.zeros(20, 1, 32), torch.zeros(1, 10, 16)
_PER_TOKEN = 2 * 4 * 16 * 16
_SCORES_AND_SUMS = 2 * (2 * 10 * 10 * 16)
ATTENTION = 10 * _PER_TOKEN + _SCORES_AND_SUMS
ENCODER_LAYER = ATTENTION + 10 * 2 * (16 * 32 + 32 * 16)

CASES: dict[str, tuple[nn.Module, Sequence[Tensor], int]] = {
    # 64 places, 3 * 3 * 3 products for each of 32 channels.
    "conv": (nn.Conv2d(3, 32, 3, padding=1), [IMAGE], 2 * 64 * 27 * 32),
    "depthwise": (nn.Conv2d(32, 32, 3, padding=1, groups=32), [torch.zeros(1, 32, 8, 8)], 2 * 64 * 9 * 32),
    # A group reads 8 of the 32 channels.
    "grouped": (nn.Conv2d(32, 64, 3, padding=1, groups=4), [torch.zeros(1, 32, 8, 8)], 2 * 64 * 9 * 8 * 64),
    # Every one of 25 inputs of 8 channels reaches 4 * 4 places in 16 channels.
    "transposed": (nn.ConvTranspose2d(8, 16, 4, 2, 1), [torch.zeros(1, 8, 5, 5)], 2 * 25 * 8 * 16 * 16),
    "linear": (nn.Linear(64, 10), [torch.zeros(1, 64)], 2 * 640),
    # 20 steps through 4 gates, with weights 64 x 32 and 64 x 64 each.
    "lstm": (nn.LSTM(32, 64), [SEQUENCE], 2 * 20 * 4 * (64 * 32 + 64 * 64)),
    "lstm of 2 layers": (nn.LSTM(32, 64, 2), [SEQUENCE], 2 * 20 * 4 * (64 * 32 + 3 * 64 * 64)),
    "lstm both ways": (nn.LSTM(32, 64, bidirectional=True), [SEQUENCE], 2 * 2 * 20 * 4 * (64 * 32 + 64 * 64)),
    "lstm projected": (nn.LSTM(32, 64, proj_size=16), [SEQUENCE], 2 * 20 * (4 * 64 * (32 + 16) + 64 * 16)),
    "gru": (nn.GRU(32, 64), [SEQUENCE], 2 * 20 * 3 * (64 * 32 + 64 * 64)),
    "rnn": (nn.RNN(32, 64), [SEQUENCE], 2 * 20 * (64 * 32 + 64 * 64)),
    "lstm cell": (nn.LSTMCell(32, 64), [torch.zeros(1, 32)], 2 * 4 * (64 * 32 + 64 * 64)),
    # Queries, keys, values and the output; then every token with every other, twice.
    "attention": (nn.MultiheadAttention(16, 4, batch_first=True), [TOKENS] * 3, ATTENTION),
    "encoder layer": (nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), [TOKENS], ENCODER_LAYER),
}


@pytest.mark.parametrize("name", CASES)
def test_operations_by_hand(name: str) -> None:
    module, inputs, expected = CASES[name]
    counted = count_flops(module.eval().requires_grad_(False), *inputs)
    assert (counted.total, counted.uncounted, counted.reason) == (expected, (), "")


def test_the_numbers_that_the_field_knows() -> None:
    assert [CASES[name][2] for name in ("conv", "depthwise", "lstm")] == [110_592, 36_864, 983_040]


@pytest.mark.parametrize("name", ["lstm", "encoder layer"])
def test_the_counter_of_torch_misses_these(name: str) -> None:
    """Why there is one of our own; where this fails, torch has learnt it."""
    module, inputs, expected = CASES[name]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module.eval().requires_grad_(False)(*inputs)
    assert counter.get_total_flops() < expected


def test_packed_sequences_count_the_steps_that_they_have() -> None:
    packed = nn.utils.rnn.pack_sequence([torch.zeros(5, 32), torch.zeros(2, 32)])
    assert count_flops(nn.LSTM(32, 64).eval(), packed).total == 7 * CASES["lstm"][2] // 20


class _Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.bmm(x, x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


CALLS: dict[str, tuple[Callable[[Tensor], Any], int]] = {
    "autograd function": (_Doubled.apply, 2 * 4**3),
    "einsum": (lambda x: torch.einsum("bij,bjk->bik", x, x), 2 * 4**3),
    "matrix times vector": (lambda x: torch.mv(x[0], x[0, 0]), 2 * 4**2),
    "vectors": (lambda x: torch.dot(x[0, 0], x[0, 0]), 2 * 4),
    "free of charge": (lambda x: (x[0] @ x[0]).relu().softmax(0).sum().add(1).sqrt(), 2 * 4**3),
    "sorted and looked up": (lambda x: (x[0].sort()[0][[0, 1]] @ x[0]).topk(2)[0].cumsum(0), 2 * 2 * 4**2),
    "gradients": (lambda x: torch.func.grad(lambda y: (y @ y).sum())(x[0]), 3 * 2 * 4**3),
    "causal attention": (lambda x: nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True), 2 * 2 * 4**3),
    "in inference mode": (torch.inference_mode()(lambda x: x @ x), 2 * 4**3),
}


@pytest.mark.parametrize("name", CALLS)
def test_operations_of_calls_by_hand(name: str) -> None:
    call, expected = CALLS[name]
    assert count_flops(call, torch.eye(4)[None]).total == expected


class _WithTable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.bags = nn.Linear(4, 4), nn.Sequential(nn.EmbeddingBag(10, 3))

    def forward(self, x: Tensor) -> Tensor:
        bags: Tensor = self.bags(torch.zeros(1, 4, dtype=torch.long))
        total: Tensor = bags.sum() + self.first(x).sum()
        return total


def _quantised() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantise: Callable[..., nn.Module] = torch.ao.quantization.quantize_dynamic
        return quantise(nn.Sequential(nn.Linear(4, 4)), {nn.Linear})


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (_WithTable, "_WithTable.bags.0: aten._embedding_bag"),
        (_quantised, "Sequential.0: quantized.linear_dynamic"),
        (lambda: lambda x: torch.linalg.solve(x + torch.eye(4), x), "aten._linalg_solve_ex"),
        (lambda: torch.fft.fft, "aten._fft_r2c"),
        (lambda: lambda x: x.numpy() @ x.numpy(), "outside of torch, after Tensor.numpy"),
    ],
    ids=["embedding bag", "quantised", "solve", "fft", "NumPy"],
)
def test_what_has_no_formula_is_named_and_leaves_no_total(make: Callable[[], Any], named: str) -> None:
    counted = count_flops(make(), torch.zeros(1, 4, 4))
    assert (counted.total, counted.uncounted, counted.reason) == (None, (named,), f"not counted: {named}")


def test_a_call_without_products_has_no_total_rather_than_none() -> None:
    counted = count_flops(nn.ReLU(), IMAGE)
    assert (counted.total, counted.uncounted) == (None, ())
    assert counted.reason.startswith("no matrix product")


def test_counting_leaves_settings_and_numbers_as_they_are() -> None:
    layer, before = CASES["encoder layer"][0].eval(), torch.backends.mha.get_fastpath_enabled()
    state = torch.random.get_rng_state()
    example = torch.ones(1, 10, 16)
    expected = layer(example)
    count_flops(layer, example)
    with pytest.raises(ValueError, match="at batch 1"):
        count_flops(_Refusing(), example)
    assert not torch.nn.modules.module._global_forward_pre_hooks
    assert not torch.nn.modules.module._global_forward_hooks
    assert torch.equal(layer(example), expected)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.backends.mha.get_fastpath_enabled() == before


class _Refusing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise ValueError("not at batch 1")


def test_a_compiled_module_is_counted_as_what_it_computes() -> None:
    module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)).eval()
    module.compile(backend="eager")
    assert count_flops(module, torch.zeros(1, 4)).total == 2 * (32 + 16)


def test_the_recurrent_kernel_of_gpus_has_a_formula() -> None:
    """As cuDNN is called: the weights of all layers in a list, matrices and biases."""
    lstm = nn.LSTM(32, 64)
    formula = _formulas()[torch.ops.aten._cudnn_rnn]
    assert formula(SEQUENCE, list(lstm.parameters()), 4, None) == CASES["lstm"][2]
