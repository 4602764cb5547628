"""The networks inside a denoiser: a small U-Net for images, and a perceptron for small data.

Both take the scaled noisy data, the noise level as `c_noise`, and encoded conditions. Nothing in them mixes the
examples of a batch. The last layer of each starts at zero, as in Karras et al. 2022, so that training starts
from the preconditioning alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, scaled_dot_product_attention, silu

from harness_generative.diffusion.conditions import ConditionEmbedding

_FREQUENCIES = 8
_CHANNELS_PER_GROUP = 4
_Layer = TypeVar("_Layer", nn.Linear, nn.Conv2d)


class Embedding(nn.Module):
    """Embeds the noise level and the condition as one vector.

    Args:
        width: the width of the vector.
        conditions: embeds what is asked for, in the same width; None for an unconditional network.
    """

    frequencies: Tensor

    def __init__(self, width: int, conditions: ConditionEmbedding | None = None) -> None:
        super().__init__()
        self.conditions = conditions
        # c_noise is of order 1: from less than a quarter of a period over its range to a dozen periods.
        self.register_buffer("frequencies", torch.logspace(-1, 5, _FREQUENCIES, base=2.0), persistent=False)
        self.first = nn.Linear(2 * _FREQUENCIES, width)
        self.second = nn.Linear(width, width)

    def forward(self, noise: Tensor, conditions: Tensor | None) -> Tensor:
        """`[n, width]` of c_noise `[n]` and encoded conditions `[n, ...]`; None for no condition."""
        angles = noise[:, None] * self.frequencies
        hidden: Tensor = self.first(torch.cat([angles.sin(), angles.cos()], dim=1))
        if self.conditions is not None:
            hidden = hidden + self.conditions(self.conditions.nothing(len(noise)) if conditions is None else conditions)
        return silu(self.second(silu(hidden)))


class ResidualBlock(nn.Module):
    """Two convolutions with the embedding as scale and shift between them, Dhariwal & Nichol 2021, section 3.1."""

    def __init__(self, channels_in: int, channels: int, embedding: int) -> None:
        super().__init__()
        self.norm_in, self.norm = group_norm(channels_in), group_norm(channels)
        self.conv_in = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.conv = zeroed(nn.Conv2d(channels, channels, 3, padding=1))
        self.modulation = nn.Linear(embedding, 2 * channels)
        self.skip = nn.Identity() if channels_in == channels else nn.Conv2d(channels_in, channels, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """`[n, channels, height, width]` of x `[n, channels_in, height, width]` and `[n, embedding]`."""
        hidden = self.conv_in(silu(self.norm_in(x)))
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        hidden = self.conv(silu(self.norm(hidden) * (1 + scale) + shift))
        mixed: Tensor = (self.skip(x) + hidden) * math.sqrt(0.5)
        return mixed


class Attention(nn.Module):
    """Self-attention with one head over the positions of an image, so that distant strokes can agree."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = group_norm(channels)
        self.to_query_key_value = nn.Conv2d(channels, 3 * channels, 1)
        self.out = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """`[n, channels, height, width]`, like x."""
        query, key, value = self.to_query_key_value(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, dim=2)
        attended = scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(x.shape)
        mixed: Tensor = (x + self.out(attended)) * math.sqrt(0.5)
        return mixed


class UNet(nn.Module):
    """A small U-Net: a residual block a level on the way down, attention and one more below, one a level on the way up.

    Args:
        image_shape: `(channels, height, width)`; height and width must be multiples of 2 ** (levels - 1).
        channels: the number of channels of the first level.
        multipliers: channels of each level over those of the first; their number is the number of levels.
        embedding: width of the vector that tells the noise level and the condition.
        conditions: embeds what is asked for, in that width; None for an unconditional network.

    Raises:
        ValueError: the image cannot be halved that often.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        channels: int = 16,
        multipliers: Sequence[int] = (1, 2),
        embedding: int = 64,
        conditions: ConditionEmbedding | None = None,
    ) -> None:
        super().__init__()
        colours, *size = image_shape
        if len(size) != 2 or any(side % 2 ** (len(multipliers) - 1) for side in size):
            raise ValueError(f"an image of shape {tuple(image_shape)} cannot be halved {len(multipliers) - 1} times")
        widths = [channels * multiplier for multiplier in multipliers]
        self.embedding = Embedding(embedding, conditions)
        self.first: nn.Module = nn.Conv2d(colours, widths[0], 3, padding=1)
        self.down = nn.ModuleList(ResidualBlock(a, b, embedding) for a, b in pairwise([widths[0], *widths]))
        self.below = ResidualBlock(widths[-1], widths[-1], embedding)
        self.attention = Attention(widths[-1])
        self.up = nn.ModuleList(ResidualBlock(a + b, b, embedding) for a, b in pairwise(reversed(widths)))
        self.norm = group_norm(widths[0])
        self.last = zeroed(nn.Conv2d(widths[0], colours, 3, padding=1))

    def forward(self, x: Tensor, noise: Tensor, conditions: Tensor | None = None) -> Tensor:
        """F: `[n, *image_shape]` of x of that shape, c_noise `[n]` and encoded conditions `[n, ...]`."""
        embedding = self.embedding(noise, conditions)
        hidden = self.first(x)
        levels: list[Tensor] = []
        for depth, block in enumerate(self.down):
            hidden = block(avg_pool2d(hidden, 2) if depth else hidden, embedding)
            levels.append(hidden)
        hidden = self.deepest(levels.pop(), embedding, conditions)
        for block in self.up:
            hidden = block(torch.cat([doubled(hidden), levels.pop()], dim=1), embedding)
        out: Tensor = self.last(silu(self.norm(hidden)))
        return out

    def deepest(self, hidden: Tensor, embedding: Tensor, conditions: Tensor | None) -> Tensor:
        """Hook at the lowest level, where a subclass may attend to the conditions themselves."""
        out: Tensor = self.below(self.attention(hidden), embedding)
        return out


class MLP(nn.Module):
    """A perceptron with three hidden layers that scale and shift by the embedding.

    Args:
        shape: the shape of one example.
        width: units of each hidden layer.
        embedding: width of the vector that tells the noise level and the condition.
        conditions: embeds what is asked for, in that width; None for an unconditional network.
    """

    def __init__(
        self,
        shape: Sequence[int],
        width: int = 256,
        embedding: int = 64,
        conditions: ConditionEmbedding | None = None,
    ) -> None:
        super().__init__()
        size = math.prod(shape)
        self.embedding = Embedding(embedding, conditions)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise([size, width, width, width]))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in self.layers)
        self.modulations = nn.ModuleList(nn.Linear(embedding, 2 * width) for _ in self.layers)
        self.last = zeroed(nn.Linear(width, size))

    def forward(self, x: Tensor, noise: Tensor, conditions: Tensor | None = None) -> Tensor:
        """F: `[n, *shape]` of x of that shape, c_noise `[n]` and encoded conditions `[n, ...]`."""
        embedding = self.embedding(noise, conditions)
        hidden = x.flatten(1)
        for depth, (layer, norm, modulation) in enumerate(zip(self.layers, self.norms, self.modulations, strict=True)):
            scale, shift = modulation(embedding).chunk(2, dim=1)
            changed = silu(norm(layer(hidden)) * (1 + scale) + shift)
            hidden = hidden + changed if depth else changed
        out: Tensor = self.last(hidden).reshape(x.shape)
        return out


def doubled(x: Tensor) -> Tensor:
    """Repeat every pixel in both directions, since the gradient of `interpolate` is not deterministic on a GPU."""
    n, channels, height, width = x.shape
    spread = x[:, :, :, None, :, None].expand(n, channels, height, 2, width, 2)
    return spread.reshape(n, channels, 2 * height, 2 * width)


def group_norm(channels: int) -> nn.GroupNorm:
    """Normalisation in groups of four channels, or in one group where that does not divide them."""
    groups = max(1, channels // _CHANNELS_PER_GROUP)
    return nn.GroupNorm(groups if channels % groups == 0 else 1, channels)


def zeroed(layer: _Layer) -> _Layer:
    """The layer, with weights set to zero."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
