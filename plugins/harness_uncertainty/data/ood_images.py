"""Out-of-distribution images in the shape of a model's own data: noise, textures of photographs, letters.

All are made of what is installed, with no download, and rounded to the grey levels of the data they shall resemble, so
that nothing but their content gives them away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from annotated_types import Ge
from torch.nn import functional

from harness.api import ComponentOf, Context, Dataset, Examples, InvalidOutput
from harness_uncertainty.data.corruptions import rotated

Floats = npt.NDArray[np.float32]
Noise = Literal["uniform", "gaussian", "shuffled"]
Count = Annotated[int, Ge(1)]
_CLOSEST, _FURTHEST = 2.0, 8.0
"""A texture is a patch of a photograph so many times as large as the image it becomes."""
_FONTS = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono", "STIXGeneral")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CANVAS_PIXELS = 64
_MAX_DEGREES = 10.0
_MARGIN = 1.15


@dataclass(frozen=True)
class Shape:
    """The shape and range of images that match a dataset.

    Attributes:
        channels, height, width: of an image.
        low, high: the box.
        levels: how many grey levels there are; None for any.
        facts: the facts of the dataset.
    """

    channels: int
    height: int
    width: int
    low: float
    high: float
    levels: int | None
    facts: Any

    @classmethod
    def of(cls, like: Dataset) -> Shape:
        """The shape of the first image. Raises InvalidOutput if there are no images."""
        first = like.take([0]).get("inputs")
        if first is None or np.ndim(first) != 4:
            raise InvalidOutput("`like` must be a dataset of images, with inputs [n, channels, height, width]")
        low, high = like.facts.get("box", (0.0, 1.0))
        _, channels, height, width = np.shape(first)
        return cls(channels, height, width, low, high, like.facts.get("levels"), dict(like.facts))

    def examples(self, name: str, images: npt.NDArray[Any]) -> Examples:
        """Images with values in [0, 1] as a dataset. They have no labels: they are none of the classes."""
        images = np.clip(images, 0.0, 1.0)
        if self.levels:
            images = np.round(images * (self.levels - 1)) / (self.levels - 1)
        inputs = (self.low + (self.high - self.low) * images).astype(np.float32)
        return Examples([f"{name}-{i:05d}" for i in range(len(inputs))], {"inputs": inputs}, facts=self.facts)


def noise_images(
    like: Annotated[Dataset, ComponentOf("dataset")],
    kind: Noise = "uniform",
    n: Count = 360,
    draw: Annotated[int, Ge(0)] = 0,
) -> Examples:
    """Images of noise, in the shape of other data.

    Args:
        like: the data whose shape, box and grey levels they have.
        kind: `uniform` in the box; `gaussian` around its middle with a quarter of it as the standard deviation;
            `shuffled`, the pixels of an image of `like` in another order, with the same brightness and contrast.
        n: the number of images.
        draw: the number of the random draw.
    """
    shape, rng = Shape.of(like), Context(seed=draw).rng("noise images", kind)
    size = (n, shape.channels, shape.height, shape.width)
    if kind == "uniform":
        return shape.examples("uniform", rng.random(size))
    if kind == "gaussian":
        return shape.examples("gaussian", 0.5 + 0.25 * rng.standard_normal(size))
    chosen = [int(i) for i in rng.integers(len(like.ids), size=n)]
    pixels = np.asarray(like.take(chosen)["inputs"], dtype=np.float64).reshape(n, shape.channels, -1)
    order = rng.permuted(np.tile(np.arange(pixels.shape[2]), (n, 1)), axis=1)
    shuffled = np.take_along_axis(pixels, np.repeat(order[:, None], shape.channels, axis=1), axis=2)
    return shape.examples("shuffled", ((shuffled - shape.low) / (shape.high - shape.low)).reshape(size))


def textures(
    like: Annotated[Dataset, ComponentOf("dataset")], n: Count = 360, draw: Annotated[int, Ge(0)] = 0
) -> Examples:
    """Patches of two photographs, in the shape of other data; no download.

    Patches of the two photographs that come with scikit-learn: roofs, walls, petals, leaves.

    Each is a random square, averaged down to the size of an image and stretched to the whole range of brightness.

    Args:
        like: the data whose shape, box and grey levels they have.
        n: the number of images.
        draw: the number of the random draw.
    """
    from sklearn.datasets import load_sample_images

    photographs = [photo.astype(np.float32).transpose(2, 0, 1) / 255 for photo in load_sample_images().images]
    shape, rng = Shape.of(like), Context(seed=draw).rng("textures")
    images = np.empty((n, shape.channels, shape.height, shape.width))
    for image in images:
        photo = photographs[int(rng.integers(len(photographs)))]
        scale = math.exp(rng.uniform(math.log(_CLOSEST), math.log(_FURTHEST)))
        height, width = (
            max(2, min(int(scale * side), whole)) for side, whole in zip(image.shape[1:], photo.shape[1:], strict=True)
        )
        top, left = (
            int(rng.integers(whole - side + 1)) for whole, side in zip(photo.shape[1:], (height, width), strict=True)
        )
        patch = photo[:, top : top + height, left : left + width]
        if shape.channels == 1:
            patch = patch.mean(axis=0, keepdims=True)
        image[:] = _stretched(_averaged(patch, shape))
    return shape.examples("texture", images)


def letters(
    like: Annotated[Dataset, ComponentOf("dataset")], n: Count = 360, draw: Annotated[int, Ge(0)] = 0
) -> Examples:
    """Capital letters in four fonts, in the shape of other data; no download.

    Capital letters in the fonts that come with matplotlib, turned a little, bright on dark, without I and O.

    Those two are also digits.

    Args:
        like: the data whose shape, box and grey levels they have.
        n: the number of images.
        draw: the number of the random draw.
    """
    shape, rng = Shape.of(like), Context(seed=draw).rng("letters")
    alphabet = [letter for letter in _LETTERS if letter not in "IO"]
    images = np.empty((n, shape.channels, shape.height, shape.width))
    drawn: dict[tuple[str, str], torch.Tensor] = {}
    for image in images:
        chosen = alphabet[int(rng.integers(len(alphabet)))], _FONTS[int(rng.integers(len(_FONTS)))]
        if chosen not in drawn:
            drawn[chosen] = _drawn(*chosen)
        turned = rotated(drawn[chosen], torch.tensor([rng.uniform(-_MAX_DEGREES, _MAX_DEGREES)], dtype=torch.float32))
        image[:] = _averaged(turned[0].numpy(), shape)
    return shape.examples("letter", images)


def _drawn(letter: str, font: str) -> torch.Tensor:
    """A letter in the middle of a square canvas, `[1, 1, pixels, pixels]`, 1 where it is."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import PathPatch
    from matplotlib.textpath import TextPath

    figure = Figure(figsize=(1, 1), dpi=_CANVAS_PIXELS)
    canvas: Any = FigureCanvasAgg(figure)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.axis("off")
    outline = TextPath((0, 0), letter, prop=FontProperties(family=font))
    box = outline.get_extents()
    axis.add_patch(PathPatch(outline, color="black", linewidth=0))
    half = max(box.width, box.height) / 2 * _MARGIN
    axis.set_xlim((box.x0 + box.x1) / 2 - half, (box.x0 + box.x1) / 2 + half)
    axis.set_ylim((box.y0 + box.y1) / 2 - half, (box.y0 + box.y1) / 2 + half)
    canvas.draw()
    red = np.asarray(canvas.buffer_rgba())[..., 0].astype(np.float32)
    return 1 - torch.as_tensor(red)[None, None] / 255


def _averaged(image: npt.NDArray[Any], shape: Shape) -> Floats:
    """An image `[channels, height, width]` in the size asked for."""
    small = functional.adaptive_avg_pool2d(
        torch.as_tensor(np.ascontiguousarray(image))[None], (shape.height, shape.width)
    )
    return np.asarray(small[0].expand(shape.channels, -1, -1).numpy(), dtype=np.float32)


def _stretched(image: Floats) -> Floats:
    low, high = float(image.min()), float(image.max())
    return (image - low) / (high - low) if high > low else image
