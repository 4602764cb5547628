"""A U-Net whose positions attend to the words of a prompt: cross-attention, Rombach et al. 2022, section 3.3."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from harness_generative.diffusion.networks import UNet, group_norm
from harness_generative.text.encoder import TextEmbedding, TextEncoder


class PlacedUNet(UNet):
    """A U-Net with position embeddings, which gets a prompt as one vector.

    Without its map of places it would know where it is from the padding at the border only.

    Args:
        image_shape: `(channels, height, width)`, both sides even.
        channels: the number of channels of the first of two levels.
        embedding: width of the vector that tells the noise level and the prompt.
        text: reads the prompts; None if they are read elsewhere.
    """

    def __init__(self, image_shape: Sequence[int], channels: int, embedding: int, text: TextEncoder | None) -> None:
        super().__init__(
            image_shape,
            channels,
            embedding=embedding,
            conditions=None if text is None else TextEmbedding(text, embedding),
        )
        self.first = nn.Sequential(self.first, _Places(channels, *image_shape[1:]))


class ReadingUNet(PlacedUNet):
    """A U-Net in which each position of the lower level attends to the words of the prompt.

    Args:
        image_shape: `(channels, height, width)`, both sides even.
        channels: the number of channels of the first of two levels; the lower one has twice as many.
        embedding: width of the vector that tells the noise level.
        text: reads the prompts.
    """

    def __init__(self, image_shape: Sequence[int], channels: int, embedding: int, text: TextEncoder) -> None:
        super().__init__(image_shape, channels, embedding, None)
        _, height, width = image_shape
        self.text = text
        self.look = CrossAttention(2 * channels, text.width, (height // 2) * (width // 2))

    def deepest(self, hidden: Tensor, embedding: Tensor, conditions: Tensor | None) -> Tensor:
        """Attend to the words of token ids `[n, tokens]` first; None for no prompt."""
        asked = self.text.nothing(len(hidden)) if conditions is None else conditions
        return super().deepest(self.look(hidden, self.text(asked), self.text.present(asked)), embedding, conditions)


class CrossAttention(nn.Module):
    """Attention of image positions to words, by content and by position.

    Args:
        channels: the channels of the image.
        words: width of a word.
        places: the number of positions.
        width: the width of queries, keys and values together.
        heads: among which it is divided.
    """

    def __init__(self, channels: int, words: int, places: int, width: int = 32, heads: int = 2) -> None:
        super().__init__()
        self._heads = heads
        self.norm = group_norm(channels)
        self.places = nn.Parameter(torch.randn(places, width))
        self.to_query, self.to_key_value = nn.Linear(channels, width), nn.Linear(words, 2 * width)
        self.out = nn.Linear(width, channels)

    def forward(self, x: Tensor, words: Tensor, present: Tensor) -> Tensor:
        """x `[n, channels, height, width]` after attention to words `[n, tokens, width]` that are `present`."""
        query = self.to_query(self.norm(x).flatten(2).transpose(1, 2)) + self.places
        key, value = self.to_key_value(words).chunk(2, dim=2)
        query, key, value = (self._split(vectors) for vectors in (query, key, value))
        seen = scaled_dot_product_attention(query, key, value, attn_mask=present[:, None, None, :])
        projected = self.out(seen.transpose(1, 2).flatten(2)).transpose(1, 2).reshape(x.shape)
        mixed: Tensor = (x + projected) * math.sqrt(0.5)
        return mixed

    def _split(self, vectors: Tensor) -> Tensor:
        """`[n, heads, rows, width / heads]` of vectors `[n, rows, width]`."""
        n, rows, width = vectors.shape
        return vectors.reshape(n, rows, self._heads, width // self._heads).transpose(1, 2)


class _Places(nn.Module):
    """Adds a learnt map of positions, the same for every image."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        self.map = nn.Parameter(0.1 * torch.randn(channels, height, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.map
