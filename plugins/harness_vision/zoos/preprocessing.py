"""Published preprocessing inside the model: resized, cropped and normalised, with gradients through all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import interpolate

from harness.api import HarnessError
from harness_vision.checkpoint import Normalised

Interpolation = Literal["nearest", "bilinear", "bicubic"]


@dataclass(frozen=True)
class Preprocessing:
    """The published steps between an image and the network: resizing, cropping and normalisation.

    Attributes:
        resized: what its shorter side is scaled to; of two numbers, height and width; None leaves it as it is.
        cropped: height and width of what is then cut from its middle; None keeps all of it.
        interpolation: the interpolation of the scaling, with antialiasing.
        mean, std: per channel, of images in [0, 1].
    """

    resized: int | tuple[int, int] | None
    cropped: tuple[int, int] | None
    interpolation: Interpolation
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def around(self, network: nn.Module, *, resize: bool) -> nn.Module:
        """The network behind its preprocessing; without `resize`, behind the normalisation alone."""
        normalised = Normalised(network, list(self.mean), list(self.std))
        return Prepared(normalised, self) if resize else normalised


class Prepared(nn.Module):
    """A normalised network that takes whole images `[n, channels, height, width]` in [0, 1]."""

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network, self.preprocessing = network, preprocessing

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of images of any one size."""
        logits: Tensor = self.network(resized_and_cropped(inputs, self.preprocessing))
        return logits


def resized_and_cropped(images: Tensor, how: Preprocessing) -> Tensor:
    """Images `[n, channels, height, width]` scaled and cut as torchvision's Resize and CenterCrop do to tensors.

    What bicubic interpolation gives beyond [0, 1] is cut off, as it is in images of 8 bits.

    Raises:
        HarnessError: there is less left than is cut out.
    """
    height, width = images.shape[-2:]
    size: tuple[int, int]
    if isinstance(how.resized, int):
        short, long = min(height, width), max(height, width)
        other = int(how.resized * long / short)
        size = (how.resized, other) if height <= width else (other, how.resized)
    else:
        size = how.resized or (height, width)
    if size != (height, width):
        smooth = how.interpolation != "nearest"
        images = interpolate(
            images, size, mode=how.interpolation, align_corners=False if smooth else None, antialias=smooth
        )
        images = images.clamp(0.0, 1.0) if how.interpolation == "bicubic" else images
    rows, columns = how.cropped or size
    if rows > size[0] or columns > size[1]:
        raise HarnessError(f"images resized to {size[0]}x{size[1]} are smaller than the crop of {rows}x{columns}")
    top, left = round((size[0] - rows) / 2), round((size[1] - columns) / 2)
    return images[..., top : top + rows, left : left + columns]


def interpolation_named(name: str) -> Interpolation:
    """The interpolation that a library gives this name. Raises HarnessError."""
    for supported in ("nearest", "bilinear", "bicubic"):
        if name == supported:
            return supported
    raise HarnessError(f"interpolation {name!r} of the published preprocessing is not supported; use `resize: false`")


def per_channel(values: Sequence[float]) -> tuple[float, ...]:
    """Numbers of a library as plain floats."""
    return tuple(float(value) for value in values)
