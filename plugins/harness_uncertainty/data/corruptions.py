"""Corruptions of images at five severities: the fifteen of Hendrycks & Dietterich 2019, and three of our own.

The fifteen (arXiv:1903.12261) have the published parameters at 32 pixels a side (CIFAR-10-C) and 224 (ImageNet-C), and
others by interpolation, see `harness_uncertainty.corruptions.levels`. They are made without the step to 8 bits, except
for JPEG; frost is drawn instead of photographed. `noise`, `blur` and `rotation` are ours, in units of the box and of
the image's size. What is random belongs to the example.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from harness.api import Context, InvalidOutput
from harness_uncertainty.corruptions import blurs, digital, noises, weather
from harness_uncertainty.corruptions.draws import Draws
from harness_uncertainty.corruptions.levels import STRENGTHS

PublishedKind = Literal[
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
]
OwnKind = Literal["noise", "blur", "rotation"]
Kind = Literal[PublishedKind, OwnKind]
PUBLISHED_KINDS: tuple[PublishedKind, ...] = get_args(PublishedKind)
OWN_KINDS: tuple[OwnKind, ...] = get_args(OwnKind)
KINDS: tuple[Kind, ...] = (*PUBLISHED_KINDS, *OWN_KINDS)
SEVERITIES = 5

# One number per severity.
_NOISE = (0.08, 0.14, 0.20, 0.28, 0.38)  # standard deviation, as a share of the box
_BLUR = (0.04, 0.06, 0.085, 0.115, 0.15)  # standard deviation, as a share of the shorter side
_ROTATION = (8.0, 15.0, 22.0, 30.0, 40.0)  # degrees, to either side


def corrupt(
    inputs: Tensor, ids: Sequence[str], kind: Kind, severity: int, ctx: Context, low: float = 0.0, high: float = 1.0
) -> Tensor:
    """Corrupted images of the same shape, within the box.

    Args:
        inputs: `[n, channels, height, width]`, within [low, high]; three channels are red, green and blue.
        ids: the ids of the examples, which their draws depend on.
        kind: what is done.
        severity: 1 to 5.
        ctx: its generators, keyed by kind and id; severities share their draws, so that a curve is smooth.
        low, high: the box.

    Raises:
        InvalidOutput: inputs are no images.
    """
    if inputs.dim() != 4:
        raise InvalidOutput(f"corruptions are for images [n, channels, height, width]; these are {list(inputs.shape)}")
    if not len(inputs):
        return inputs
    span = high - low
    # In float64: float32 would differ between processors in the last digit, and so the digest of the data.
    images = (inputs.double() - low) / span
    draws = Draws(ctx, ids, kind)
    made = _own(images, draws, kind, severity) if kind in OWN_KINDS else _published(images, draws, kind, severity)
    return (low + span * made.double()).clamp(low, high).to(inputs.dtype)


def _published(images: Tensor, draws: Draws, kind: Kind, severity: int) -> Tensor:
    level = STRENGTHS[kind].at(min(images.shape[2:]), severity)
    done: dict[str, Callable[[], Tensor]] = {
        "gaussian_noise": lambda: noises.gaussian_noise(images, draws, *level),
        "shot_noise": lambda: noises.shot_noise(images, draws, *level),
        "impulse_noise": lambda: noises.impulse_noise(images, draws, *level),
        "defocus_blur": lambda: blurs.defocus_blur(images, *level),
        "glass_blur": lambda: blurs.glass_blur(images, draws, *level),
        "motion_blur": lambda: blurs.motion_blur(images, -45 + 90 * draws.uniform(), *level),
        "zoom_blur": lambda: blurs.zoom_blur(images, *level),
        "snow": lambda: weather.snow(images, draws, *level),
        "frost": lambda: weather.frost(images, draws, *level),
        "fog": lambda: weather.fog(images, draws, *level),
        "brightness": lambda: digital.brightness(images, *level),
        "contrast": lambda: digital.contrast(images, *level),
        "elastic_transform": lambda: digital.elastic_transform(images, draws, *level),
        "pixelate": lambda: digital.pixelate(images, *level),
        "jpeg_compression": lambda: digital.jpeg_compression(images, *level),
    }
    return done[kind]()


def _own(images: Tensor, draws: Draws, kind: Kind, severity: int) -> Tensor:
    level = severity - 1
    done: dict[str, Callable[[], Tensor]] = {
        "noise": lambda: noises.gaussian_noise(images, draws, _NOISE[level]),
        "blur": lambda: blurs.gaussian_blur(images, _BLUR[level] * min(images.shape[2:])),
        "rotation": lambda: rotated(images, _ROTATION[level] * _signs(draws)),
    }
    return done[kind]()


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


def _signs(draws: Draws) -> Tensor:
    """1 or -1 for each example."""
    return torch.where(draws.ctx.uniform(draws.ids, (), "side") < 0.5, -1.0, 1.0).double()
