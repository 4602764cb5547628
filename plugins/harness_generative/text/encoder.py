"""A small text encoder: prompts as token ids, and a transformer over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from harness.api import NotApplicable
from harness_generative.diffusion.conditions import ConditionEmbedding
from harness_generative.text.meanings import MEANINGS

LONGEST = 7
"""How many words a prompt may have."""

_PADDING, _START = 0, 1
_PUNCTUATION = ".,;:!?\"'"
VOCABULARY = tuple(sorted({word for meaning in MEANINGS for prompt in meaning.prompts() for word in prompt.split()}))
"""Every word that any wording of any meaning uses; the token id of a word is its place here plus 2."""


def tokenised(prompts: Sequence[Any]) -> Tensor:
    """Token ids `[n, 1 + LONGEST]`, int64: a start token, the words, padding.

    Case and punctuation are ignored. None and the empty prompt ask for nothing.

    Raises:
        NotApplicable: something is no text, has a word that is not in the vocabulary, or is too long.
    """
    ids = {word: index + 2 for index, word in enumerate(VOCABULARY)}
    tokens = torch.full((len(prompts), 1 + LONGEST), _PADDING)
    tokens[:, 0] = _START
    unknown: dict[str, None] = {}
    for row, prompt in enumerate(prompts):
        if prompt is not None and not isinstance(prompt, str):
            raise NotApplicable(f"the model takes prompts as conditions, such as 'a three and a five', not {prompt!r}")
        words = [word.strip(_PUNCTUATION) for word in (prompt or "").lower().split()]
        if len(words) > LONGEST:
            raise NotApplicable(f"the prompt {prompt!r} has {len(words)} words; the model reads at most {LONGEST}")
        unknown |= dict.fromkeys(word for word in words if word not in ids)
        tokens[row, 1 : 1 + len(words)] = torch.tensor([ids.get(word, _PADDING) for word in words], dtype=torch.int64)
    if unknown:
        raise NotApplicable(
            f"the model does not know the words {', '.join(map(repr, unknown))}; it knows: {' '.join(VOCABULARY)}"
        )
    return tokens


class TextEncoder(ConditionEmbedding):
    """A transformer over the tokens of a prompt; the empty prompt asks for nothing.

    Args:
        width: the width of the vector of a token, a multiple of the number of heads.
        layers: the number of layers.
        heads: the number of heads of each attention.
    """

    def __init__(self, width: int = 64, layers: int = 1, heads: int = 4) -> None:
        super().__init__(tokenised([None])[0])
        self.width = width
        self.table = nn.Embedding(len(VOCABULARY) + 2, width)
        self.positions = nn.Parameter(0.5 * torch.randn(1 + LONGEST, width))
        self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """One vector a token, `[n, 1 + LONGEST, width]`, of token ids `[n, 1 + LONGEST]`."""
        hidden, present = self.table(tokens) + self.positions, self.present(tokens)
        for layer in self.layers:
            hidden = layer(hidden, present)
        read: Tensor = self.norm(hidden)
        return read

    def present(self, tokens: Tensor) -> Tensor:
        """Which tokens are no padding, a mask `[n, 1 + LONGEST]`."""
        return tokens != _PADDING


class TextEmbedding(ConditionEmbedding):
    """One vector of a prompt, the output at the start token.

    Args:
        text: reads the prompt.
        width: the width of the vector.
    """

    def __init__(self, text: TextEncoder, width: int) -> None:
        super().__init__(tokenised([None])[0])
        self.text = text
        self.out = nn.Linear(text.width, width)

    def forward(self, conditions: Tensor) -> Tensor:
        """Embeddings `[n, width]` of token ids `[n, 1 + LONGEST]`."""
        embedded: Tensor = self.out(self.text(conditions)[:, 0])
        return embedded


class _Layer(nn.Module):
    """Attention and a perceptron, each applied to normalised inputs and added to them."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.norm_attention, self.norm_perceptron = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_query_key_value, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, hidden: Tensor, present: Tensor) -> Tensor:
        """`[n, tokens, width]` of the same; tokens that are not `present` `[n, tokens]` are not attended to."""
        n, tokens, width = hidden.shape
        mixed = self.to_query_key_value(self.norm_attention(hidden))
        query, key, value = mixed.reshape(n, tokens, 3, self._heads, width // self._heads).permute(2, 0, 3, 1, 4)
        attended = scaled_dot_product_attention(query, key, value, attn_mask=present[:, None, None, :])
        hidden = hidden + self.out(attended.transpose(1, 2).reshape(n, tokens, width))
        changed: Tensor = hidden + self.narrow(gelu(self.wide(self.norm_perceptron(hidden))))
        return changed
