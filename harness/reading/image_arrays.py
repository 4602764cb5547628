"""Images in NumPy arrays: where the channels stand and which value is white is declared, or certain, or refused."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness.contract.errors import InvalidOutput
from harness.reading.arrays import why_no_arrays
from harness.reading.image_resizing import Pixels, Resize, resized
from harness.reading.unpacked_size import check_zip

Layout = Literal["auto", "nchw", "nhwc"]
Arrays = Mapping[str, npt.NDArray[Any]]

_BRIGHT_ENOUGH = 0.5
"""What share of white the brightest pixel of all images must have, so that an undeclared white is believed."""
_AT_ONCE = 1024


def arrays_of(path: Path) -> Arrays:
    """The arrays in a file by name; that of an .npy file, which stays on the disk, has no name.

    Raises:
        InvalidOutput: it cannot be read.
    """
    try:
        if path.suffix == ".npy":
            return {"": np.load(path, mmap_mode="r", allow_pickle=False)}
        check_zip(path)
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, NotImplementedError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise InvalidOutput(f"{path.name} cannot be read as arrays: {why_no_arrays(error)}") from error


def array_named(arrays: Arrays, names: Sequence[str], path: Path, role: str) -> npt.NDArray[Any]:
    """The first array that has one of these names, or the only one of an .npy file. Raises InvalidOutput."""
    for name in (*names, ""):
        if name in arrays:
            return arrays[name]
    has = ", ".join(arrays) or "no array"
    raise InvalidOutput(f"{path.name} has no array {' or '.join(map(repr, names))} for {role}; it has {has}")


@dataclass(frozen=True)
class ArrayImages:
    """Images of an array.

    Attributes:
        images: `[n, C, H, W]`.
        white: the stored value that is white.
        size: height and width that they are resized to, None for none.
        resize: how.
    """

    images: npt.NDArray[Any]
    white: float
    size: tuple[int, int] | None = None
    resize: Resize = "clean_fid"

    @classmethod
    def of(
        cls,
        images: npt.NDArray[Any],
        layout: Layout,
        white: float | None,
        name: str,
        size: tuple[int, int] | None = None,
        resize: Resize = "clean_fid",
    ) -> ArrayImages:
        """The images of an array `[n, H, W]`, `[n, H, W, C]` or `[n, C, H, W]`.

        Raises:
            InvalidOutput: its shape or range is neither declared nor certain, or it holds NaN.
        """
        images = _channels_first(images, layout, name)
        if not (np.issubdtype(images.dtype, np.integer) or np.issubdtype(images.dtype, np.floating)):
            if images.dtype != np.bool_:
                raise InvalidOutput(f"{name} holds {images.dtype} values; images are numbers")
            return cls(images, 1.0, size, resize)
        return cls(images, _white(images, white, name), size, resize)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width, resized."""
        channels, height, width = self.images.shape[1:]
        return channels, *(self.size or (height, width))

    def is_lossy(self, row: int) -> bool:
        """Whether an image was stored with loss: arrays lose nothing."""
        return False

    def content(self, row: int) -> bytes:
        """What tells an image apart from others."""
        return np.ascontiguousarray(self.images[row]).tobytes()

    def pixels(self, row: int) -> Pixels:
        """An image, float32 in [0, 1]."""
        pixels: Pixels = (self.images[row] / self.white).astype(np.float32)
        return pixels if self.size is None else resized(pixels, self.size, self.resize)


def _channels_first(images: npt.NDArray[Any], layout: Layout, name: str) -> npt.NDArray[Any]:
    shape = "x".join(map(str, images.shape))
    if images.ndim == 3:
        return images[:, None]
    if images.ndim != 4:
        raise InvalidOutput(
            f"{name} holds an array of shape {shape or '()'}; [n, H, W], [n, H, W, C] or [n, C, H, W] fits"
        )
    first, last = images.shape[1] in (1, 3), images.shape[3] in (1, 3)
    if layout == "auto" and first == last:
        problem = "might be [n, H, W, C] or [n, C, H, W]" if first else "has neither 1 nor 3 channels"
        raise InvalidOutput(f"{name} holds an array of shape {shape}, which {problem}; say which with `layout`")
    return images.transpose(0, 3, 1, 2) if layout == "nhwc" or (layout == "auto" and last) else images


def _white(images: npt.NDArray[Any], declared: float | None, name: str) -> float:
    """The stored value that is white. Raises InvalidOutput where values lie outside, or it is not sure."""
    low, high = _ends(images, name)
    white = declared if declared is not None else 255.0 if images.dtype == np.uint8 else 1.0
    if low < 0:
        remedy = "save (x + 1) / 2 if they lie in [-1, 1]; " if low >= -1 and high <= 1 else ""
        raise InvalidOutput(
            f"{name} holds values from {low:g} to {high:g}, below black at 0; {remedy}save the images before they were "
            "normalised, since a model normalises them itself"
        )
    if declared is not None and high > white:
        raise InvalidOutput(f"{name} holds values up to {high:g}, above the white of {white:g}")
    certain = np.issubdtype(images.dtype, np.floating) or images.dtype == np.uint8
    if declared is None and (not certain or not _BRIGHT_ENOUGH * white <= high <= white):
        raise InvalidOutput(
            f"{name} holds {images.dtype} values up to {high:g}; say which is white, such as `white: {_usual(high)}`"
        )
    return white


def _ends(images: npt.NDArray[Any], name: str) -> tuple[float, float]:
    """The smallest and the largest value. Raises InvalidOutput for NaN and infinity, with the row."""
    if not images.size:
        raise InvalidOutput(f"{name} holds no images")
    lows, highs = [], []
    for start in range(0, len(images), _AT_ONCE):
        part = images[start : start + _AT_ONCE]
        finite = np.isfinite(part).reshape(len(part), -1).all(axis=1)
        if not finite.all():
            row = start + int(finite.argmin())
            raise InvalidOutput(f"{name} holds NaN or infinity, first in row {row}; leave such images out")
        lows.append(float(part.min()))
        highs.append(float(part.max()))
    return min(lows), max(highs)


def _usual(high: float) -> int:
    return next((white for white in (1, 15, 16, 255, 1023, 4095, 65535) if high <= white), int(np.ceil(high)))
