"""Blur: defocused, through frosted glass, in motion, and zooming. Images `[n, channels, height, width]` in [0, 1]."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness_uncertainty.corruptions.draws import Draws


def gaussian_blur(images: Tensor, deviation: float, reach: float = 3.0) -> Tensor:
    """A Gaussian blur with this standard deviation in pixels; beyond the border the image goes on as its last pixel.

    The window ends at `reach` standard deviations, rounded up.
    """
    radius = max(1, math.ceil(reach * deviation))
    offsets = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    weights = torch.exp(-(offsets**2) / (2 * deviation**2))
    weights = weights / weights.sum()
    channels = images.shape[1]
    padded = functional.pad(images, (radius, radius, radius, radius), mode="replicate")
    across = functional.conv2d(padded, weights.reshape(1, 1, 1, -1).repeat(channels, 1, 1, 1), groups=channels)
    return functional.conv2d(across, weights.reshape(1, 1, -1, 1).repeat(channels, 1, 1, 1), groups=channels)


def defocus_blur(images: Tensor, radius: float, softness: float) -> Tensor:
    """A disk of light for every pixel, with an edge softened by a Gaussian; mirrored beyond the border."""
    kernel = _disk(radius, softness).to(images)
    reach = kernel.shape[0] // 2
    channels = images.shape[1]
    stacked = kernel.expand(channels, 1, *kernel.shape)
    return functional.conv2d(mirrored(images, reach), stacked, groups=channels)


def _disk(radius: float, softness: float) -> Tensor:
    """The weights of a defocused point, `[2 k + 1, 2 k + 1]`."""
    softened = 1 if radius <= 8 else 2
    reach = math.floor(radius)
    line = torch.arange(-reach, reach + 1, dtype=torch.float64)
    disk = (line[:, None] ** 2 + line**2 <= radius**2).double()
    disk = functional.pad(disk / disk.sum(), (softened,) * 4)
    around = torch.arange(-softened, softened + 1, dtype=torch.float64)
    edge = torch.exp(-(around**2) / (2 * softness**2))
    edge = edge / edge.sum()
    wide = functional.pad(disk, (softened,) * 4)[None, None]
    soft = functional.conv2d(functional.conv2d(wide, edge[None, None, None, :]), edge[None, None, :, None])
    return soft[0, 0]


def mirrored(images: Tensor, reach: int) -> Tensor:
    """Images with a border of `reach` pixels, mirrored at the outermost pixel as often as it takes."""
    for axis in (2, 3):
        side = images.shape[axis]
        period = max(1, 2 * (side - 1))
        at = torch.arange(-reach, side + reach) % period
        images = images.index_select(axis, torch.where(at < side, at, period - at))
    return images


def glass_blur(images: Tensor, draws: Draws, deviation: float, reach: float, passes: float) -> Tensor:
    """Blurred, then every pixel in turn takes the value of a near one, then blurred again.

    The paper speaks of a shuffle; in the code that made the published data a swap copies one way only, which hides much
    less of the image.
    """
    count, channels, height, width = images.shape
    soft = gaussian_blur(images, deviation, 4.0)
    order = _scattered(count, height, width, draws, max(1, round(reach)), max(1, round(passes)))
    flat = soft.flatten(2).gather(2, torch.as_tensor(order)[:, None].expand(-1, channels, -1))
    return gaussian_blur(flat.reshape(images.shape), deviation, 4.0)


def _scattered(count: int, height: int, width: int, draws: Draws, reach: int, passes: int) -> np.ndarray:
    """The index of the pixel whose value each position takes in the end, `[count, height * width]`."""
    order = np.tile(np.arange(height * width), (count, 1))
    every = np.arange(count)
    for turn in range(passes):
        # From -reach to reach - 1.
        offsets = (draws.uniform(height, width, 2, name=f"pass {turn}") * 2 * reach).floor().long().numpy() - reach
        partners = offsets[..., 0] * width + offsets[..., 1]
        for row in range(height - reach, reach, -1):
            for column in range(width - reach, reach, -1):
                here = row * width + column
                order[:, here] = order[every, here + partners[:, row, column]]
    return order


def motion_blur(images: Tensor, degrees: Tensor, radius: float, deviation: float) -> Tensor:
    """A trail to one side, half a Gaussian of this deviation in pixels, in a direction for each image `[n]`.

    The trail is `2 radius + 1` pixels long. Beyond the border the image goes on as its last pixel.
    """
    taps = torch.arange(2 * math.ceil(radius) + 1, dtype=images.dtype)
    weights = torch.exp(-(taps**2) / (2 * deviation**2))
    weights = weights / weights.sum()
    angle = torch.deg2rad(degrees)
    trail = torch.zeros_like(images)
    for tap, weight in zip(taps.tolist(), weights.tolist(), strict=True):
        if weight > 1e-6:
            trail = trail + weight * shifted(images, tap * angle.sin(), tap * angle.cos())
    return trail


def shifted(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Each image shifted by this many pixels up and left, `[n]` each, bilinear between pixels."""
    height, width = images.shape[2:]
    identity = torch.eye(2, 3, dtype=images.dtype).repeat(len(images), 1, 1)
    # Grid coordinates run over 2 from edge to edge.
    identity[:, 0, 2], identity[:, 1, 2] = 2 * right / width, 2 * down / height
    grid = functional.affine_grid(identity, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def zoom_blur(images: Tensor, most: float, step: float) -> Tensor:
    """The mean of the image and of its magnifications 1, 1 + step, ... up to 1 + most."""
    magnifications = 1 + np.arange(math.floor(most / step + 1e-6) + 1) * step
    total = images.clone()
    for magnification in magnifications:
        total = total + zoomed(images, float(magnification))
    return total / (len(magnifications) + 1)


def zoomed(images: Tensor, magnification: float) -> Tensor:
    """The middle of images, enlarged and cut to their size.

    As published: the middle is a whole number of pixels, whose outermost ones stay the outermost, so that the picture
    shifts by up to a pixel.
    """
    sides = images.shape[2:]
    parts = [math.ceil(side / magnification) for side in sides]
    tops = [(side - part) // 2 for side, part in zip(sides, parts, strict=True)]
    middle = images[:, :, tops[0] : tops[0] + parts[0], tops[1] : tops[1] + parts[1]]
    grown = [max(side, round(part * magnification)) for side, part in zip(sides, parts, strict=True)]
    large = functional.interpolate(middle, size=grown, mode="bilinear", align_corners=True)
    down, right = ((size - side) // 2 for size, side in zip(grown, sides, strict=True))
    return large[:, :, down : down + sides[0], right : right + sides[1]]
