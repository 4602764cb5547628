"""Corruptions of images at five severities, in units of the box and of the image's size, so that small images fit too.

After Hendrycks & Dietterich 2019 (arXiv:1903.12261), whose corruptions are made for photographs of 224 pixels. What is
random belongs to the example.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from harness.api import Context, InvalidOutput

Kind = Literal["noise", "blur", "brightness", "contrast", "rotation", "pixelate"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SEVERITIES = 5

# One number per severity.
_NOISE = (0.08, 0.14, 0.20, 0.28, 0.38)  # standard deviation, as a share of the box
_BLUR = (0.04, 0.06, 0.085, 0.115, 0.15)  # standard deviation, as a share of the shorter side
_BRIGHTNESS = (0.15, 0.25, 0.35, 0.45, 0.55)  # added, as a share of the box
_CONTRAST = (0.6, 0.45, 0.3, 0.2, 0.1)  # what is left of the distance from the mean
_ROTATION = (8.0, 15.0, 22.0, 30.0, 40.0)  # degrees, to either side
_PIXELATE = (0.92, 0.86, 0.78, 0.68, 0.55)  # of a side of n pixels, n to this power are left


def corrupt(
    inputs: Tensor, ids: Sequence[str], kind: Kind, severity: int, ctx: Context, low: float = 0.0, high: float = 1.0
) -> Tensor:
    """Corrupted images of the same shape, within the box.

    Args:
        inputs: `[n, channels, height, width]`, within [low, high].
        ids: of the examples, which their draws depend on.
        kind: what is done.
        severity: 1 to 5.
        ctx: its generators, keyed by kind and id; severities share their draws, so that a curve is smooth.
        low, high: the box.

    Raises:
        InvalidOutput: inputs are no images.
    """
    if inputs.dim() != 4:
        raise InvalidOutput(f"corruptions are for images [n, channels, height, width]; these are {list(inputs.shape)}")
    level, span = severity - 1, high - low
    done: dict[Kind, Callable[[], Tensor]] = {
        "noise": lambda: inputs + span * _NOISE[level] * ctx.normal(ids, inputs.shape[1:], kind).to(inputs),
        "blur": lambda: blurred(inputs, _BLUR[level] * min(inputs.shape[2:])),
        "brightness": lambda: inputs + span * _BRIGHTNESS[level],
        "contrast": lambda: _faded(inputs, _CONTRAST[level]),
        "rotation": lambda: rotated(inputs, _ROTATION[level] * _signs(ids, ctx).to(inputs)),
        "pixelate": lambda: pixelated(inputs, _PIXELATE[level]),
    }
    return done[kind]().clamp(low, high)


def blurred(inputs: Tensor, deviation: float) -> Tensor:
    """A Gaussian blur with this standard deviation in pixels; beyond the border the image goes on as its last pixel."""
    radius = max(1, math.ceil(3 * deviation))
    offsets = torch.arange(-radius, radius + 1, dtype=inputs.dtype, device=inputs.device)
    weights = torch.exp(-(offsets**2) / (2 * deviation**2))
    weights = weights / weights.sum()
    channels = inputs.shape[1]
    padded = functional.pad(inputs, (radius, radius, radius, radius), mode="replicate")
    across = functional.conv2d(padded, weights.reshape(1, 1, 1, -1).repeat(channels, 1, 1, 1), groups=channels)
    return functional.conv2d(across, weights.reshape(1, 1, -1, 1).repeat(channels, 1, 1, 1), groups=channels)


def rotated(inputs: Tensor, degrees: Tensor) -> Tensor:
    """Images turned by an angle each, `[n]`, anticlockwise, with bilinear interpolation and the border going on."""
    angle = torch.deg2rad(degrees)
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    height, width = inputs.shape[2:]
    # Grid coordinates run from -1 to 1 along either side, whatever its length.
    matrix = torch.stack(
        [
            torch.stack([cosine, -sine * height / width, zero], dim=1),
            torch.stack([sine * width / height, cosine, zero], dim=1),
        ],
        dim=1,
    )
    grid = functional.affine_grid(matrix, list(inputs.shape), align_corners=False)
    return functional.grid_sample(inputs, grid, padding_mode="border", align_corners=False)


def pixelated(inputs: Tensor, power: float) -> Tensor:
    """Averages over fewer, larger pixels: along a side of n of them, n to this power. Small images bear less."""
    down, across = (_coarsening(side, max(1, round(side**power))).to(inputs) for side in inputs.shape[2:])
    return down @ inputs @ across.T


def _coarsening(side: int, fewer: int) -> Tensor:
    """Averages over `fewer` equal parts of a line of pixels, spread over it again, `[side, side]`.

    Pixels count by how much of them lies in a part, so that the picture stays where it is for every number of parts.
    """
    edges, marks = torch.arange(side + 1) / side, torch.arange(fewer + 1) / fewer
    overlap = torch.minimum(edges[1:, None], marks[None, 1:]) - torch.maximum(edges[:-1, None], marks[None, :-1])
    overlap = overlap.clamp(min=0)
    return (overlap * side) @ (overlap.T * fewer)


def _faded(inputs: Tensor, share: float) -> Tensor:
    mean = inputs.mean(dim=(1, 2, 3), keepdim=True)
    return mean + share * (inputs - mean)


def _signs(ids: Sequence[str], ctx: Context) -> Tensor:
    """1 or -1 for each example."""
    return torch.where(ctx.uniform(ids, (), "side") < 0.5, -1.0, 1.0)
