"""Images turned and scaled: further than any that a model was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from annotated_types import Gt

from harness.api import ComponentOf, Dataset, DatasetWrapper, InvalidOutput

_DECIMALS = 12
"""To which the matrix is rounded, so that a quarter turn moves pixels onto pixels."""


class Transformed(DatasetWrapper):
    """Images of another dataset, turned and scaled about their middle; what comes in from outside has the lowest value.

    Sweep `degrees` or `scale` to leave the range of the training data step by step.

    Args:
        dataset: where the images `[n, C, H, W]` come from.
        degrees: the angle by which they are turned, counterclockwise.
        scale: by which they are enlarged; below 1 they shrink.
    """

    def __init__(
        self,
        dataset: Annotated[Dataset, ComponentOf("dataset")],
        degrees: float = 0.0,
        scale: Annotated[float, Gt(0)] = 1.0,
    ) -> None:
        super().__init__(dataset)
        self._degrees, self._scale = degrees, scale

    def take(self, indices: Sequence[int]) -> Mapping[str, Any]:
        """The columns with transformed `inputs`. Raises InvalidOutput if they are no images."""
        columns = dict(self._dataset.take(indices))
        images = np.asarray(columns.get("inputs"))
        if images.ndim != 4:
            raise InvalidOutput(f"transformed turns images [n, C, H, W]; the inputs are {list(images.shape)}")
        low = float(self._dataset.facts.get("box", (0.0, 1.0))[0])
        columns["inputs"] = turned_and_scaled(images, self._degrees, self._scale, low)
        return columns


def turned_and_scaled(images: npt.NDArray[Any], degrees: float, scale: float, low: float) -> npt.NDArray[Any]:
    """The images `[n, C, H, W]` under a rotation and an enlargement about their middle, interpolated linearly.

    Args:
        images: what to transform.
        degrees: counterclockwise.
        scale: the factor of the enlargement.
        low: the value of what was outside.
    """
    from scipy.ndimage import affine_transform

    if degrees % 360 == 0 and scale == 1:
        return images
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    # From a place in the new image to the one in the old; rows count downwards.
    matrix = np.round(np.array([[cos, sin], [-sin, cos]]) / scale, _DECIMALS)
    middle = (np.array(images.shape[2:]) - 1) / 2
    offset = np.round(middle - matrix @ middle, _DECIMALS)
    planes = images.reshape(-1, *images.shape[2:]).astype(np.float64)
    turned = [affine_transform(plane, matrix, offset, order=1, cval=low) for plane in planes]
    return np.asarray(turned, dtype=images.dtype).reshape(images.shape)
