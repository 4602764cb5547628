"""Attributions from windows of an image that are covered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, ExplainedInputs, InvalidOutput, NotApplicable, Quantity, ScoreAccess


class Occlusion:
    """How much the explained logit falls where a window of the image is covered (Zeiler & Fergus 2014).

    A pixel has the mean over all windows that cover it. With a window of one pixel that is its contribution.

    Args:
        window: side of the square window in pixels.
        stride: pixels from one window to the next; at most the window, so that every pixel is covered.
        baseline: the value that the window is filled with, in units of the inputs.
    """

    def __init__(
        self, window: Annotated[int, Ge(1)] = 2, stride: Annotated[int, Ge(1)] = 1, baseline: float = 0.0
    ) -> None:
        if stride > window:
            raise InvalidOutput(
                f"a stride of {stride} pixels leaves gaps between windows of {window}; give at most that"
            )
        self._window, self._stride, self._baseline = window, stride, baseline
        self.quantity: Quantity = "contribution" if window == 1 else "relevance"

    @torch.no_grad()
    def attribute(self, model: ScoreAccess, batch: ExplainedInputs, ctx: Context) -> Tensor:
        """One forward pass, and one for each window. Raises InvalidOutput if the window is larger than the image."""
        if batch.inputs.ndim != 4:
            raise NotApplicable(f"occlusion covers windows of images [n, C, H, W]; inputs are {_shape(batch.inputs)}")
        height, width = batch.inputs.shape[2:]
        if self._window > min(height, width):
            raise InvalidOutput(f"a window of {self._window} pixels is larger than the image, {height} x {width}")
        chosen = batch.targets[:, None]
        clean = model(batch.inputs).gather(1, chosen)[:, 0]
        fall = batch.inputs.new_zeros((len(batch), 1, height, width))
        windows = fall.new_zeros((height, width))
        for rows, columns in self._windows(height, width):
            covered = batch.inputs.clone()
            covered[:, :, rows, columns] = self._baseline
            less = clean - model(covered).gather(1, chosen)[:, 0]
            fall[:, :, rows, columns] += less[:, None, None, None]
            windows[rows, columns] += 1
        return fall / windows

    def _windows(self, height: int, width: int) -> Iterator[tuple[slice, slice]]:
        """The windows, the last of each line cut off by the border."""
        for top in self._starts(height):
            for left in self._starts(width):
                yield slice(top, top + self._window), slice(left, left + self._window)

    def _starts(self, size: int) -> range:
        count = -(-(size - self._window) // self._stride) + 1
        return range(0, count * self._stride, self._stride)


def _shape(inputs: Tensor) -> str:
    return f"[n, {', '.join(map(str, inputs.shape[1:]))}]"
