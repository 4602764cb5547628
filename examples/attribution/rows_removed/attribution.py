"""Rows of an image are set to 0, one after the other."""

from __future__ import annotations

import torch
from harness.api import Context, ExplainedInputs, NotApplicable, Quantity, ScoreAccess
from torch import Tensor


class RowsRemoved:
    """How much the explained logit falls where one row of the image is set to 0; each pixel has what its row has."""

    quantity: Quantity = "relevance"

    @torch.no_grad()
    def attribute(self, model: ScoreAccess, batch: ExplainedInputs, ctx: Context) -> Tensor:
        """Return maps `[m, 1, H, W]`, by one pass for the whole image and one for each row."""
        if batch.inputs.ndim != 4:
            raise NotApplicable(f"only images [n, C, H, W] have rows, not inputs {list(batch.inputs.shape)}")
        targets = batch.targets[:, None]
        whole = model(batch.inputs).gather(1, targets)
        falls = []
        for row in range(batch.inputs.shape[2]):
            without = batch.inputs.clone()
            without[:, :, row] = 0
            falls.append(whole - model(without).gather(1, targets))
        return torch.cat(falls, dim=1)[:, None, :, None].expand(-1, 1, -1, batch.inputs.shape[3]).contiguous()
