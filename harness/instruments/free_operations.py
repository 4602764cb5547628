"""Operations of torch that cost nothing by the convention of `flops`: neither products of matrices nor convolutions."""

from __future__ import annotations

from typing import Any

import torch

# By the start of their names without underscores, beside what torch itself tags as pointwise, reduction or view.
_STARTS = """
    arange bernoulli cauchy empty exponential eye fill full geometric linspace log_normal multinomial new_ normal one
    rand scalar_tensor uniform zero
    alias assert cat clone col2im complex copy diag flip im2col is_ item lift meshgrid put repeat reshape resize roll
    set_ split stack sym_ take to_copy tril triu unfold unsafe_view where chunk unsafe_split unsafe_chunk
    affine_grid channel_shuffle grid_sampler pixel_shuffle pixel_unshuffle upsample
    constant_pad reflection_pad replication_pad
    bucketize gather histc bincount index masked_ nonzero scatter searchsorted unique unsafe_index
    argmax argmin argsort aminmax kthvalue max median min mode sort topk
    adaptive_avg_pool adaptive_max_pool avg_pool fractional_max_pool
    cummax cummin cumprod cumsum log_softmax logcumsumexp logsumexp safe_softmax softmax std trace var
    batch_norm cudnn_batch_norm fused_rms_norm miopen_batch_norm native_batch_norm native_group_norm native_layer_norm
    rms_norm fused_dropout native_dropout prelu thnn_fused_gru_cell thnn_fused_lstm_cell
"""
_NAMES = frozenset(
    {"embedding", "equal", "linalg_check_errors", "linalg_vector_norm", "local_scalar_dense", "norm", "set"}
)


def is_free(operation: Any) -> bool:
    """Whether an operation, as a dispatch mode is given it, costs nothing."""
    if torch.Tag.pointwise in operation.tags or torch.Tag.reduction in operation.tags or operation.is_view:
        return True
    space, _, name = str(operation._overloadpacket).partition(".")
    name = name.strip("_")
    return space in ("aten", "prim", "prims") and (name in _NAMES or name.startswith(tuple(_STARTS.split())))
