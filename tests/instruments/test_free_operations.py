"""Which operations of torch cost nothing, by name."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from harness.instruments.flops import _formulas
from harness.instruments.free_operations import is_free

aten: Any = torch.ops.aten

FREE = [
    aten.relu.default,
    aten.add_.Tensor,
    aten.sum.dim_IntList,
    aten.view.default,
    aten._to_copy.default,
    aten._softmax.default,
    aten.native_layer_norm.default,
    aten.native_batch_norm.default,
    aten._native_batch_norm_legit_no_training.default,
    aten.max_pool2d_with_indices.default,
    aten._adaptive_avg_pool2d.default,
    aten.upsample_bilinear2d.default,
    aten.embedding.default,
    aten.index.Tensor,
    aten.sort.default,
    aten.cumsum.default,
    aten.normal_.default,
]
COSTLY = [
    aten._embedding_bag.default,
    aten._linalg_solve_ex.default,
    aten.linalg_solve_triangular.default,
    aten._linalg_svd.default,
    aten._fft_r2c.default,
    aten._cdist_forward.default,
    aten._native_multi_head_attention.default,
    aten._transformer_encoder_layer_fwd.default,
    aten._ctc_loss.default,
    torch.ops.quantized.linear.default,
]


@pytest.mark.parametrize("operation", FREE, ids=str)
def test_free(operation: Any) -> None:
    assert is_free(operation)


@pytest.mark.parametrize("operation", COSTLY, ids=str)
def test_not_free_and_so_named(operation: Any) -> None:
    assert not is_free(operation)


def test_what_has_a_formula_is_not_free() -> None:
    overloads = [
        getattr(packet, name) for packet in _formulas() if hasattr(packet, "overloads") for name in packet.overloads()
    ]
    assert len(overloads) > 20
    assert [each for each in overloads if is_free(each)] == []
