"""The preprocessing that published networks need: three channels, a size, a normalisation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from harness.api import HarnessError, MissingData

Resize = Literal["bicubic_antialias", "bilinear_antialias", "bilinear"]
Frame = Literal["whole", "centre"]

_RESAMPLE: Mapping[int, Resize] = {2: "bilinear_antialias", 3: "bicubic_antialias"}


def three_channels(images: Tensor) -> Tensor:
    """Images `[n, 3, H, W]`; grey images `[n, 1, H, W]` are repeated. Raises HarnessError."""
    if images.shape[1] not in (1, 3):
        raise HarnessError(f"images of 1 or 3 channels are needed, not of {images.shape[1]}")
    return images.expand(-1, 3, -1, -1)


def resized(images: Tensor, size: tuple[int, int], how: Resize) -> Tensor:
    """Images `[n, C, *size]` in [0, 1], not rounded to 8 bits in between (Parmar et al. 2022, arXiv:2104.11222).

    With antialiasing this is what Pillow does to an image of floating-point numbers.
    """
    if tuple(images.shape[2:]) == size:
        return images
    mode = "bicubic" if how == "bicubic_antialias" else "bilinear"
    out = interpolate(images, size, mode=mode, align_corners=False, antialias=how != "bilinear")
    return out.clamp(0, 1)


def as_bytes(settings: Mapping[str, Any]) -> Tensor:
    """Settings as a tensor, so that they enter the hash of a network's state."""
    return torch.frombuffer(bytearray(json.dumps(settings, sort_keys=True).encode()), dtype=torch.uint8)


@dataclass(frozen=True)
class Preprocessing:
    """The preprocessing of a published network, as its `preprocessor_config.json` describes it.

    Attributes:
        size: height and width that the network is given.
        shortest_edge: what the shorter side is resized to before the centre of that size is cut out.
        how: the filter.
        mean, std: per channel, of the normalisation.
    """

    size: tuple[int, int]
    shortest_edge: int
    how: Resize
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(cls, folder: Path) -> Preprocessing:
        """Read it from a folder. Raises MissingData if it is missing, HarnessError if it is of another kind."""
        path = folder / "preprocessor_config.json"
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise MissingData(
                f"{path} is not there; a published model has one, which says how to prepare images"
            ) from error
        try:
            crop = about["crop_size"]
            size = (crop["height"], crop["width"]) if isinstance(crop, Mapping) else (crop, crop)
            edge = about["size"]["shortest_edge"] if isinstance(about["size"], Mapping) else about["size"]
            return cls(size, edge, _RESAMPLE[about["resample"]], tuple(about["image_mean"]), tuple(about["image_std"]))
        except (KeyError, TypeError) as error:
            raise HarnessError(
                f"{path} lacks what is needed to prepare images, or says something unknown: {error}; crop_size, "
                "size.shortest_edge, resample (2 or 3), image_mean and image_std are needed"
            ) from error

    def apply(self, images: Tensor, frame: Frame) -> Tensor:
        """Images `[n, 1 or 3, H, W]` in [0, 1], preprocessed to `[n, 3, *size]`.

        Args:
            images: images of any size.
            frame: whether the whole image is fitted to the size, or its centre is cut out as for photographs.
        """
        images = three_channels(images)
        if frame == "whole":
            images = resized(images, self.size, self.how)
        else:
            height, width = images.shape[2:]
            shorter = min(height, width)
            between = (self.shortest_edge * height // shorter, self.shortest_edge * width // shorter)
            images = _centre(resized(images, between, self.how), self.size)
        mean, std = (images.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (images - mean) / std


def _centre(images: Tensor, size: tuple[int, int]) -> Tensor:
    top, left = ((have - want) // 2 for have, want in zip(images.shape[2:], size, strict=True))
    return images[:, :, top : top + size[0], left : left + size[1]]
