"""Images moved by whole pixels."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, InvalidOutput, LabelledInputs, ScoreAccess, Threat
from harness.api.attacks import is_fooled

Fill = Literal["roll", "pad"]
Direction = Literal["drawn", "right", "left", "down", "up", "worst"]
_VECTORS: dict[str, tuple[int, int]] = {"right": (0, 1), "left": (0, -1), "down": (1, 0), "up": (-1, 0)}


class Shift:
    """Images moved by whole pixels: does a classifier know that a thing stays the same wherever it stands?

    Args:
        pixels: how far.
        fill: `roll` brings what leaves on one side back on the other, so that nothing is lost; `pad` fills with the
            lowest value of the box.
        direction: `drawn`, one of the four for each example at random; one for all; or `worst`, the first that
            fools the model.
    """

    pooled = True

    def __init__(self, pixels: Annotated[int, Ge(0)], fill: Fill = "roll", direction: Direction = "drawn") -> None:
        self._pixels, self._fill, self._direction = pixels, fill, direction
        self.threat = Threat(None, None)

    @torch.no_grad()
    def perturb(self, model: ScoreAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """Return the moved images; InvalidOutput if they are none, or narrower than the shift."""
        if batch.inputs.ndim != 4:
            raise InvalidOutput(f"shift moves images [n, C, H, W]; the inputs are {list(batch.inputs.shape)}")
        if self._pixels >= min(batch.inputs.shape[2:]):
            raise InvalidOutput(f"a shift of {self._pixels} pixels moves all of an image of {batch.inputs.shape[3]}")
        if self._direction == "worst":
            return self._worst(model, batch, ctx)
        if self._direction != "drawn":
            return self._moved(batch, self._direction)
        chosen = (ctx.uniform(batch.ids, (), "direction") * len(_VECTORS)).long().clamp(max=len(_VECTORS) - 1)
        answer = batch.inputs.clone()
        for number, name in enumerate(_VECTORS):
            rows = chosen == number
            answer[rows] = self._moved(batch, name)[rows]
        return answer

    def _moved(self, batch: LabelledInputs, direction: str) -> Tensor:
        down, right = (self._pixels * step for step in _VECTORS[direction])
        moved = batch.inputs.roll((down, right), dims=(2, 3))
        if self._fill == "pad":
            for axis, by in ((2, down), (3, right)):
                size = moved.shape[axis]
                start = 0 if by >= 0 else size + by
                moved.narrow(axis, start, abs(by)).fill_(batch.low)
        return moved

    def _worst(self, model: ScoreAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """The first direction that fools the model, else the last."""
        answer = batch.inputs.clone()
        left = torch.arange(len(batch), device=answer.device)
        for name in _VECTORS:
            answer[left] = self._moved(batch, name)[left]
            fooled = [
                is_fooled(model(answer[rows], rows), batch.labels[rows], None) for rows in left.split(ctx.batch_size)
            ]
            left = left[~torch.cat(fooled)] if fooled else left
        return answer
