"""The worst of a grid of rotations and translations."""

from __future__ import annotations

import itertools
import math
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, LabelledInputs, ScoreAccess, Threat
from harness.api.attacks import adversarial_loss, is_fooled, run_steps, targets_of
from harness_adversarial.common.warp import Placement, place


class RotationTranslation:
    """The worst of a grid of rotations and translations (Engstrom et al. 2019, section 2).

    Args:
        rotation: largest turn, in degrees, to both sides.
        rotations: how many angles, evenly spread; an odd number includes 0.
        translation: largest shift in both directions, as a share of width and height.
        translations: how many shifts in each direction.
    """

    pooled = True

    def __init__(
        self,
        rotation: Annotated[float, Ge(0)] = 30.0,
        rotations: Annotated[int, Ge(1)] = 31,
        translation: Annotated[float, Ge(0)] = 0.1,
        translations: Annotated[int, Ge(1)] = 5,
    ) -> None:
        shifts = _spread(translation, translations)
        grid = itertools.product(_spread(math.radians(rotation), rotations), shifts, shifts)
        # The largest changes first: examples that fall do so sooner.
        self._grid = torch.tensor(sorted(grid, key=lambda changes: -sum(map(abs, changes))))
        self.threat = Threat(None, None)

    @torch.no_grad()
    def perturb(self, model: ScoreAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """The first placement that fools the model, else the one with the largest loss."""
        answer = batch.inputs.clone()
        device = batch.inputs.device
        worst = torch.full((len(batch),), -math.inf, device=device)
        tried = torch.zeros(len(batch), dtype=torch.long, device=device)
        grid = self._grid.to(device)

        def step(rows: Tensor) -> Tensor:
            chosen = grid[tried[rows]]
            still = torch.zeros(len(rows), 2, device=device)
            placement = Placement(chosen[:, 0], torch.ones(len(rows), device=device), chosen[:, 1:], still)
            point = place(batch.inputs[rows], placement, batch.low).clamp(batch.low, batch.high)
            logits = model(point, rows)
            labels, targets = batch.labels[rows], targets_of(batch, rows)
            fooled = is_fooled(logits, labels, targets)
            loss = adversarial_loss(logits, labels, targets, "margin")
            better = fooled | (loss > worst[rows])
            answer[rows[better]] = point[better]
            worst[rows] = torch.maximum(worst[rows], loss)
            tried[rows] += 1
            return fooled | (tried[rows] >= len(grid))

        run_steps(batch, ctx, step)
        return answer


def _spread(end: float, count: int) -> list[float]:
    """Numbers evenly spread from -end to end; 0 if there is one."""
    return [0.0] if count == 1 else [end * (2 * i / (count - 1) - 1) for i in range(count)]
