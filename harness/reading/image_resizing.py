"""Resizing of images to what other tools resize them to, so that their numbers can be met exactly."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Resize = Literal["pillow", "clean_fid", "pytorch_fid", "torch_fidelity"]
Pixels = npt.NDArray[np.float32]

_WHITE = 255.0


def resized(pixels: Pixels, size: tuple[int, int], how: Resize) -> Pixels:
    """Return an image, float32 `[C, H, W]` in [0, 1], as `[C, *size]`, whole and not rounded to 8 bits.

    Args:
        pixels: the image.
        size: height and width.
        how: `clean_fid` is bicubic with antialiasing, channel by channel in float32, cut off at black and white (Parmar
            et al. 2022, arXiv:2104.11222); `pytorch_fid` is bilinear without antialiasing between the centres of
            pixels, as torch's `interpolate`; `torch_fidelity` is bilinear between their upper left corners, as
            TensorFlow 1 had it, on which the published FID is based; `pillow` is bilinear with antialiasing.
    """
    if pixels.shape[1:] == size:
        return pixels
    if how in ("clean_fid", "pillow"):
        return np.stack([_antialiased(channel, size, how) for channel in pixels])
    for axis, target in zip((1, 2), size, strict=True):
        pixels = _interpolated(pixels, axis, target, centred=how == "pytorch_fid")
    return pixels


def _antialiased(channel: Pixels, size: tuple[int, int], how: Resize) -> Pixels:
    from PIL import Image

    kind = Image.Resampling.BICUBIC if how == "clean_fid" else Image.Resampling.BILINEAR
    image = Image.fromarray(channel * np.float32(_WHITE)).resize(size[::-1], kind)
    return np.asarray(np.asarray(image).clip(0, _WHITE) / np.float32(_WHITE), np.float32)


def _interpolated(pixels: Pixels, axis: int, target: int, *, centred: bool) -> Pixels:
    """Linear interpolation along an axis; what lies beyond the first or last pixel is that pixel."""
    source = pixels.shape[axis]
    steps, scale = np.arange(target, dtype=np.float32), np.float32(source / target)
    places = (steps + np.float32(0.5)) * scale - np.float32(0.5) if centred else steps * scale
    places = places.clip(0, source - 1)
    low = places.astype(np.intp)
    high = np.minimum(low + 1, source - 1)
    shape = [1, 1, 1]
    shape[axis] = target
    share = (places - low).astype(np.float32).reshape(shape)
    first, second = pixels.take(low, axis), pixels.take(high, axis)
    return np.asarray(first + (second - first) * share, np.float32)
