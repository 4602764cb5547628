"""The uniform model, whose perplexity is the size of its vocabulary for any text."""

from __future__ import annotations

import torch
from torch import Tensor

from harness_language.bytes_tokenizer import ByteTokens


class Uniform(ByteTokens):
    """Gives every byte the same probability."""

    window: int | None = None
    precision = "float64"

    def states(self, tokens: Tensor) -> Tensor:
        """Empty states, since nothing depends on earlier tokens."""
        return tokens.new_zeros(*tokens.shape, 1)

    def logits(self, states: Tensor) -> Tensor:
        """Zeros `[m, 256]`."""
        return torch.zeros(len(states), self.vocabulary, dtype=torch.float64, device=states.device)
