"""The model that knows nothing: its perplexity is the size of its vocabulary, whatever the text."""

from __future__ import annotations

import torch
from torch import Tensor

from harness_language.bytes_tokenizer import ByteTokens


class Uniform(ByteTokens):
    """Finds every byte as likely as any other."""

    window: int | None = None
    precision = "float64"

    def states(self, tokens: Tensor) -> Tensor:
        """Nothing is known after any token."""
        return tokens.new_zeros(*tokens.shape, 1)

    def logits(self, states: Tensor) -> Tensor:
        """Zeros `[m, 256]`."""
        return torch.zeros(len(states), self.vocabulary, dtype=torch.float64, device=states.device)
