"""A U-Net whose places look at the words of a prompt: cross-attention, Rombach et al. 2022, section 3.3."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from harness_generative.diffusion.networks import UNet, group_norm
from harness_generative.text.encoder import TextEmbedding, TextEncoder


class PlacedUNet(UNet):
    """A U-Net that knows left from right; what a prompt says reaches it as one vector.

    Without its map of places it would know where it is from the padding at the border only.

    Args:
        image_shape: `(channels, height, width)`, both sides even.
        channels: of the first of two levels.
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
    """A U-Net in which each place of the lower level looks at the words that matter for it.

    Args:
        image_shape: `(channels, height, width)`, both sides even.
        channels: of the first of two levels; the lower one has twice as many.
        embedding: width of the vector that tells the noise level.
        text: reads the prompts.
    """

    def __init__(self, image_shape: Sequence[int], channels: int, embedding: int, text: TextEncoder) -> None:
        super().__init__(image_shape, channels, embedding, None)
        _, height, width = image_shape
        self.text = text
        self.look = CrossAttention(2 * channels, text.width, (height // 2) * (width // 2))

    def deepest(self, hidden: Tensor, embedding: Tensor, conditions: Tensor | None) -> Tensor:
        """Looks at the words of token ids `[n, tokens]` first; None asks for nothing."""
        asked = self.text.nothing(len(hidden)) if conditions is None else conditions
        return super().deepest(self.look(hidden, self.text(asked), self.text.present(asked)), embedding, conditions)


class CrossAttention(nn.Module):
    """Places of an image look at words, by what they hold and by where they are.

    Args:
        channels: of the image.
        words: width of a word.
        places: how many there are.
        width: of queries, keys and values together.
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
        """x `[n, channels, height, width]` after a look at words `[n, tokens, width]` where `present` `[n, tokens]`."""
        query = self.to_query(self.norm(x).flatten(2).transpose(1, 2)) + self.places
        key, value = self.to_key_value(words).chunk(2, dim=2)
        query, key, value = (self._split(each) for each in (query, key, value))
        seen = scaled_dot_product_attention(query, key, value, attn_mask=present[:, None, None, :])
        told = self.out(seen.transpose(1, 2).flatten(2)).transpose(1, 2).reshape(x.shape)
        mixed: Tensor = (x + told) * math.sqrt(0.5)
        return mixed

    def _split(self, vectors: Tensor) -> Tensor:
        """`[n, heads, rows, width / heads]` of vectors `[n, rows, width]`."""
        n, rows, width = vectors.shape
        return vectors.reshape(n, rows, self._heads, width // self._heads).transpose(1, 2)


class _Places(nn.Module):
    """Adds a learnt map, the same to every image."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        self.map = nn.Parameter(0.1 * torch.randn(channels, height, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.map
