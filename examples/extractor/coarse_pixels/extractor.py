"""Features without weights: the pixels of a smaller image."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d


class CoarsePixels:
    """The pixels of an image that is averaged down to a small square: what can be told apart from far away.

    Args:
        side: of the square, in pixels.
    """

    def __init__(self, side: Annotated[int, Ge(1)] = 4) -> None:
        self._side = side

    def __call__(self, inputs: Tensor, /) -> Tensor:
        """Features `[n, channels * side * side]` of images `[n, channels, height, width]`."""
        return adaptive_avg_pool2d(inputs, self._side).flatten(1)
