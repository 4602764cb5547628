"""Base of model wrappers: the model inside, its scores, and its outputs on a split of the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from harness.api import Classifier, Context, Dataset, HarnessError, Uncertain
from harness.api.instruments import column_tensor, plain_outputs, whole_labels

_LANES, _AT_ONCE = 8, 64


class Wrapper(nn.Module):
    """A classifier made of another one.

    Args:
        model: the one inside; a module of it if it is a torch module, so that gradients pass.
    """

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]`: those of the model inside, unless a subclass says otherwise."""
        return self.inner(inputs)

    def inner(self, inputs: Tensor) -> Tensor:
        """Logits of the model inside, which may return them in a tuple or a mapping."""
        logits: Tensor = plain_outputs(self.model(inputs), inputs.device)
        return logits

    def uncertainty(self, inputs: Tensor) -> Mapping[str, Tensor]:
        """The scores `[n]` of the model inside."""
        return self.model.uncertainty(inputs) if isinstance(self.model, Uncertain) else {}


def split_of(data: Callable[[str], Dataset], split: str) -> Dataset:
    """A split of the training data.

    Raises:
        HarnessError: there is none of that name.
    """
    try:
        return data(split)
    except (KeyError, ValueError, TypeError) as error:
        raise HarnessError(
            f"the training data have no split {split!r} ({error}); name one with `split:`, or other data with "
            "`trained_on:`"
        ) from error


def labels_of(data: Dataset) -> Tensor:
    """The labels `[n]` of a dataset, int64."""
    return whole_labels(data.take(range(len(data.ids)))["labels"])


@torch.no_grad()
def outputs_on(function: Callable[[Tensor], Tensor], data: Dataset, ctx: Context) -> Tensor:
    """The outputs of a function for every example, `[n, ...]` on the CPU, float64.

    In small padded batches, so that what is fitted does not depend on the batch size.
    """
    inputs = column_tensor(data.take(range(len(data.ids)))["inputs"], "inputs").float()
    size = min(_AT_ONCE, max(_LANES, ctx.batch_size))
    parts = []
    for start in range(0, len(inputs), size):
        batch = inputs[start : start + size]
        padded = torch.cat([batch, batch.new_zeros((-len(batch) % _LANES, *batch.shape[1:]))])
        parts.append(function(padded.to(ctx.device))[: len(batch)].cpu().double())
    return torch.cat(parts)
