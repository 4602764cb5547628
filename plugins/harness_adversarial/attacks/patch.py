"""Adversarial patches: any change, within one square."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from harness.api import Context, GradientAccess, InvalidOutput, LabelledInputs, Threat
from harness.api.attacks import GradientAscent, Loss, adversarial_loss

_MIN_CHANGE = 1e-6


class Patch:
    """Any change within a square of pixels, made for each image and place (Karmon et al. 2018).

    Brown et al. (2017) seek one patch for all images; this one may differ, so it is the stronger threat.

    Args:
        size: side of the square, in pixels.
        steps: gradient steps per place.
        step_size: length of a sign step, as a share of the box.
        restarts: random places, each with a random patch; an example is robust only if it survives all.
        targeted: move towards a target class instead of away from the true one.
        loss: the loss that is maximised.
    """

    pooled = True

    def __init__(
        self,
        size: Annotated[int, Ge(1)],
        steps: Annotated[int, Ge(1)] = 50,
        step_size: Annotated[float, Gt(0)] = 0.05,
        restarts: Annotated[int, Ge(1)] = 5,
        targeted: bool = False,
        loss: Loss = "cross_entropy",
    ) -> None:
        self.size, self.steps, self.step_size, self.restarts = size, steps, step_size, restarts
        self.loss: Loss = loss
        self.threat = Threat("l0", float(size * size), targeted)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """Ascend within the patch, at one position after the other. Raises InvalidOutput if it does not fit."""
        shape = tuple(batch.inputs.shape[1:])
        if len(shape) != 3 or min(shape[1:]) < self.size:
            raise InvalidOutput(f"a patch of {self.size} x {self.size} does not fit into inputs {list(shape)}")
        width = batch.high - batch.low

        def start(rows: list[int], restart: int) -> Tensor:
            ids = [batch.ids[row] for row in rows]
            corner = ctx.uniform(ids, (2,), "place", restart)
            content = batch.low + width * ctx.uniform(ids, shape, "content", restart)
            return torch.where(self._mask(corner, shape), content, batch.inputs[rows])

        def move(iterate: Tensor, clean: Tensor, gradient: Tensor) -> Tensor:
            # Outside of the patch nothing differs from the clean image; inside, random content does.
            inside = (iterate != clean).any(dim=1, keepdim=True)
            moved = (iterate + self.step_size * width * gradient.sign()).clamp(batch.low, batch.high)
            # A pixel that came to equal the clean one would be taken for outside in the next step.
            nudge = torch.where(clean > batch.low + width / 2, -_MIN_CHANGE, _MIN_CHANGE) * width
            moved = torch.where(moved == clean, clean + nudge, moved)
            return torch.where(inside, moved, clean)

        objective = partial(adversarial_loss, loss=self.loss)
        ascent = GradientAscent(model, batch, objective, self.steps, start, move)
        return ascent.run(self.restarts, ctx).candidates

    def _mask(self, corner: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Which pixels are in the patch, `[n, 1, height, width]`, for corners `[n, 2]` in [0, 1)."""
        inside = []
        for axis, length in enumerate(shape[1:]):
            first = (corner[:, axis] * (length - self.size + 1)).long()[:, None]
            position = torch.arange(length, device=corner.device)[None]
            inside.append((position >= first) & (position < first + self.size))
        return inside[0][:, None, :, None] & inside[1][:, None, None, :]
