"""Views of images: rotated, scaled, shifted, tilted, in other light, with noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.api import Context, InvalidOutput


@dataclass(frozen=True)
class Placement:
    """Rotation, scale, shift and tilt of each image.

    Attributes:
        angle: `[n]`, radians, counterclockwise.
        scale: `[n]`, larger than 1 makes it larger.
        shift: `[n, 2]`, to the right and down, as shares of width and height.
        tilt: `[n, 2]`, perspective: the far side is smaller by about this; sums below 1.
    """

    angle: Tensor
    scale: Tensor
    shift: Tensor
    tilt: Tensor


def place(inputs: Tensor, placement: Placement, background: float) -> Tensor:
    """Images `[n, channels, height, width]` as placed, bilinear; what comes into view is the background.

    Raises:
        InvalidOutput: the inputs are no images.
    """
    if inputs.dim() != 4:
        raise InvalidOutput(f"views need images [channels, height, width]; the inputs are {list(inputs.shape[1:])}")
    n, _, height, width = inputs.shape
    # From where it is seen to where it comes from, in units of half the width and height.
    along_x, along_y = torch.linspace(-1, 1, width), torch.linspace(-1, 1, height)
    y, x = torch.meshgrid(along_y * (height - 1) / height, along_x * (width - 1) / width, indexing="ij")
    x, y = (axis.to(inputs).expand(n, height, width) for axis in (x, y))
    depth = 1 + _column(placement.tilt[:, 0], inputs) * x + _column(placement.tilt[:, 1], inputs) * y
    seen_x = (x - 2 * _column(placement.shift[:, 0], inputs)) / depth
    seen_y = (y - 2 * _column(placement.shift[:, 1], inputs)) / depth
    cos, sin = (_column(part, inputs) for part in (placement.angle.cos(), placement.angle.sin()))
    scale, aspect = _column(placement.scale, inputs), width / height
    from_x = (cos * seen_x - sin * seen_y / aspect) / scale
    from_y = (sin * seen_x * aspect + cos * seen_y) / scale
    grid = torch.stack([from_x, from_y], dim=3)
    moved = torch.nn.functional.grid_sample(inputs - background, grid, align_corners=False)
    return moved + background


def _column(values: Tensor, like: Tensor) -> Tensor:
    return values.to(like)[:, None, None]


@dataclass(frozen=True)
class Views:
    """A distribution over views; each number is the largest change, in both directions, drawn uniformly.

    Attributes:
        rotation: degrees.
        scale: share by which an image grows or shrinks.
        translation: share of width and height.
        perspective: share by which the far side is smaller; below 1/2.
        contrast: share by which the light is stronger or weaker.
        brightness: what is added, as a share of the box.
        noise: standard deviation of Gaussian noise, as a share of the box.
    """

    rotation: float
    scale: float
    translation: float
    perspective: float
    contrast: float
    brightness: float
    noise: float

    def draw(
        self, inputs: Tensor, ids: Sequence[str], ctx: Context, names: Sequence[str | int], low: float, high: float
    ) -> Tensor:
        """One view of each input, differentiable, in the box [low, high]."""
        u = 2 * ctx.uniform(ids, (8,), "view", *names) - 1
        placement = Placement(
            math.radians(self.rotation) * u[:, 0],
            1 + self.scale * u[:, 1],
            self.translation * u[:, 2:4],
            self.perspective * u[:, 4:6],
        )
        placed = place(inputs, placement, low)
        gain, bias = (part[:, None, None, None] for part in (self.contrast * u[:, 6], self.brightness * u[:, 7]))
        lit = low + (1 + gain) * (placed - low) + bias * (high - low)
        if self.noise:
            lit = lit + self.noise * (high - low) * ctx.normal(ids, inputs.shape[1:], "view noise", *names)
        return lit.clamp(low, high)
