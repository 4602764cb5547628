"""Embeddings of the conditions of a diffusion model, with one for the absence of a condition."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.api.instruments import per_example


class ConditionEmbedding(nn.Module):
    """Maps encoded conditions `[n, ...]` to embeddings `[n, width]`; subclasses define `forward`.

    Attributes:
        null: one encoded condition, which asks for nothing; during training some rows are replaced with it, so that
            one network learns the conditional and the unconditional denoiser (Ho & Salimans 2022, algorithm 1).
    """

    null: Tensor

    def __init__(self, null: Tensor) -> None:
        super().__init__()
        self.register_buffer("null", null, persistent=False)

    def nothing(self, n: int) -> Tensor:
        """n encoded conditions for the absence of a condition."""
        return self.null.expand(n, *self.null.shape)

    def drop(self, conditions: Tensor, dropped: Tensor) -> Tensor:
        """The conditions, with the rows where `dropped` `[n]` replaced by no condition."""
        return torch.where(per_example(dropped, conditions), self.null, conditions)


class ClassEmbedding(ConditionEmbedding):
    """One learnt vector a class, and one more for no class.

    Args:
        classes: the number of classes.
        width: the width of the embedding.
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__(torch.tensor(classes))
        self.table = nn.Embedding(classes + 1, width)

    def forward(self, conditions: Tensor) -> Tensor:
        """Embeddings `[n, width]` of class indices `[n]`."""
        embedded: Tensor = self.table(conditions)
        return embedded
