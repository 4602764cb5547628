"""Controls: maps that know nothing of the model, which every method must beat."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from harness.api import Context, ExplainedInputs, NotApplicable, Quantity, ScoreAccess


class RandomMap:
    """Control: a map of uniform random numbers, drawn by example."""

    quantity: Quantity = "relevance"

    def attribute(self, model: ScoreAccess, batch: ExplainedInputs, ctx: Context) -> Tensor:
        """No pass."""
        return ctx.uniform(batch.ids, _one_channel(batch.inputs), "map")


class EdgeFilter:
    """Control: the size of the gradient of the image itself by Sobel's filter, whatever the model (Adebayo 2018)."""

    quantity: Quantity = "relevance"

    def attribute(self, model: ScoreAccess, batch: ExplainedInputs, ctx: Context) -> Tensor:
        """No pass. Raises NotApplicable if the inputs are no images."""
        if batch.inputs.ndim != 4:
            raise NotApplicable(f"an edge filter needs images [n, C, H, W]; inputs have {batch.inputs.ndim} dimensions")
        grey = pad(batch.inputs.mean(dim=1, keepdim=True), (1, 1, 1, 1), mode="replicate")
        across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]], device=grey.device)
        slopes = conv2d(grey, torch.stack([across, across.T])[:, None])
        return slopes.square().sum(dim=1, keepdim=True).sqrt()


def _one_channel(inputs: Tensor) -> tuple[int, ...]:
    return (1, *inputs.shape[2:]) if inputs.ndim == 4 else tuple(inputs.shape[1:])
