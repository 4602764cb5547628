"""Corruptions by cameras and files: brightness, contrast, elastic, pixels, JPEG. Images `[n, c, h, w]` in [0, 1]."""

from __future__ import annotations

import io
import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness.api import InvalidOutput, MissingData
from harness_uncertainty.corruptions.draws import Draws


def brightness(images: Tensor, added: float) -> Tensor:
    """Increase the value of hue, saturation and value: the brightest channel, and the others in proportion."""
    if images.shape[1] == 1:
        return images + added
    value = images.amax(dim=1, keepdim=True)
    brighter = (value + added).clamp(0, 1)
    return torch.where(value > 0, images * brighter / value.clamp_min(1e-12), brighter)


def contrast(images: Tensor, kept: float) -> Tensor:
    """Move every channel towards its mean over the image."""
    mean = images.mean(dim=(2, 3), keepdim=True)
    return mean + kept * (images - mean)


def pixelate(images: Tensor, share: float) -> Tensor:
    """Reduce each side to this share of its pixels, rounded down."""
    down, across = (coarsening(side, max(1, math.floor(side * share + 1e-9))).to(images) for side in images.shape[2:])
    return down @ images @ across.T


def coarsening(side: int, fewer: int) -> Tensor:
    """The matrix of means over `fewer` equal parts of a line, `[side, side]`; a pixel belongs where its middle lies."""
    part = ((2 * torch.arange(side) + 1) * fewer) // (2 * side)
    together = (part[:, None] == part).float()
    return together / together.sum(dim=1, keepdim=True)


def elastic_transform(images: Tensor, draws: Draws, length: float, deviation: float, reach: float) -> Tensor:
    """Skew the image, then shift pixels smoothly over the image (Simard, Steinkraus & Platt 2003).

    Args:
        images: what to bend.
        draws: which skew and shifts.
        length: the length of the shifts before they are smoothed, as a share of the shorter side.
        deviation: the deviation of the Gaussian that smooths them, likewise.
        reach: by how much each of three points that fix the skew is moved at most, likewise.
    """
    height, width = images.shape[2:]
    side = min(height, width)
    skewed = _skewed(images, (2 * draws.uniform(3, 2, name="skew") - 1) * reach * side)
    if not length:
        return skewed
    noise = 2 * draws.uniform(2, height, width, name="shifts") - 1
    smooth = [_smoothing(n, deviation * side).to(images) for n in (height, width)]
    shifts = length * side * (smooth[0] @ noise @ smooth[1].T)
    rows = torch.arange(height, dtype=images.dtype)[:, None] + shifts[:, 0]
    columns = torch.arange(width, dtype=images.dtype) + shifts[:, 1]
    return _sampled(skewed, rows, columns)


def _skewed(images: Tensor, moves: Tensor) -> Tensor:
    """The affine map that moves three points around the middle by `moves` `[n, 3, 2]`, mirrored at the border."""
    height, width = images.shape[2:]
    middle = torch.tensor([width // 2, height // 2], dtype=torch.float64)
    third = min(height, width) // 3
    corners = middle + third * torch.tensor([[1, 1], [1, -1], [-1, -1]], dtype=torch.float64)
    places = corners + moves.double()
    ones = torch.ones(len(images), 3, 1, dtype=torch.float64)
    # Read where a point came from: the map from the moved corners back to where they were.
    back = torch.linalg.solve(torch.cat([places, ones], dim=2), corners.expand_as(places))
    y, x = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], dim=-1).reshape(1, -1, 3) @ back
    points = points.reshape(-1, height, width, 2).to(images)
    return _sampled(images, points[..., 1], points[..., 0])


def _sampled(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Images sampled at positions `[n, height, width]` in pixels, mirrored at the outermost pixel."""
    height, width = images.shape[2:]
    grid = torch.stack([2 * columns / max(1, width - 1) - 1, 2 * rows / max(1, height - 1) - 1], dim=-1)
    return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=True)


def _smoothing(side: int, deviation: float) -> Tensor:
    """The matrix `[side, side]` of a Gaussian filter over a line that is mirrored at its ends."""
    from scipy.ndimage import gaussian_filter1d

    return torch.as_tensor(gaussian_filter1d(np.eye(side), deviation, axis=0, mode="reflect", truncate=3.0)).float()


def jpeg_compression(images: Tensor, quality: float) -> Tensor:
    """Write as JPEG of this quality, from 1 to 95, and read again.

    Raises:
        MissingData: Pillow is not installed.
        InvalidOutput: the images have neither one channel nor three.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingData("jpeg_compression needs Pillow; install the package `pillow`") from error
    channels = images.shape[1]
    if channels not in (1, 3):
        raise InvalidOutput(f"a JPEG has 1 channel or 3; these images have {channels}")
    pixels = (images.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    read = np.empty_like(pixels)
    for image, out in zip(pixels, read, strict=True):
        file = io.BytesIO()
        Image.fromarray(image[..., 0] if channels == 1 else image).save(file, "JPEG", quality=round(quality))
        file.seek(0)
        out[...] = np.asarray(Image.open(file)).reshape(out.shape)
    return torch.as_tensor(read).permute(0, 3, 1, 2).to(images) / 255
