"""The closest point to each input that fools the model, kept from the outside, by watching the passes of an attack."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor, nn

from harness.attacks.losses import adversarial_loss, targets_of
from harness.attacks.norm_balls import BallNorm, length
from harness.contract.context import Context
from harness.contract.threats import GradientAccess, LabelledInputs, ScoreAccess
from harness.instruments.broadcasting import per_example

Bisections = Annotated[int, Ge(0)]

ROUND_OFF = 1e-5
"""Logits of the same input in another pass differ by less than this share of their spread (5e-7 seen on a CPU)."""
_INFIRM = 1e20
"""Times farther than any point that fools firmly."""


def firmly_fooled(logits: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
    """Whether logits `[n, classes]` are what the attack wants by more than the round-off of another pass, `[n]`."""
    spread = logits.amax(dim=1) - logits.amin(dim=1)
    return adversarial_loss(logits, labels, targets, "margin") > ROUND_OFF * spread


class Closest:
    """The closest point to each input that fools the model so far; the input itself where there is none.

    A point that fools by less than round-off may not fool when it is asked again, so it is kept only until one is found
    that fools firmly.

    Args:
        batch: the inputs.
        norm: in which distance is measured.
    """

    def __init__(self, batch: LabelledInputs, norm: BallNorm) -> None:
        self.norm: BallNorm = norm
        self._batch = batch
        # The last place is for what is not to be kept, so that nothing waits for the device.
        self._answers = torch.cat([batch.inputs, batch.inputs.new_zeros((1, *batch.inputs.shape[1:]))])
        self._distances = torch.full((len(batch) + 1,), math.inf, device=batch.inputs.device)
        self._costs = self._distances.clone()

    @property
    def answer(self) -> Tensor:
        """The points, `[n, ...]`."""
        return self._answers[:-1]

    @property
    def distance(self) -> Tensor:
        """Of each point from its input, `[n]`; infinite where none fools the model."""
        return self._distances[:-1]

    def watching(self, model: GradientAccess | ScoreAccess) -> nn.Module:
        """The same model, each of whose passes is noted here: whatever an attack looks at and forgets is kept."""
        return _Watched(self, model)

    @torch.no_grad()
    def note(self, rows: Tensor, points: Tensor, logits: Tensor) -> Tensor:
        """Keep points `[m, ...]` of some rows `[m]` that fool, given their logits; return which do firmly, `[m]`."""
        labels, targets = self._batch.labels[rows], targets_of(self._batch, rows)
        logits = logits.detach()
        firm = firmly_fooled(logits, labels, targets)
        self._keep(rows, points.detach(), adversarial_loss(logits, labels, targets, "margin") > 0, firm)
        return firm

    def offer(self, rows: Tensor, candidate: Tensor, fooled: Tensor) -> None:
        """Keep candidates `[m, ...]` of some rows `[m]` where `fooled` `[m]`, if closer than the points so far."""
        self._keep(rows, candidate, fooled, fooled)

    def _keep(self, rows: Tensor, points: Tensor, fooled: Tensor, firm: Tensor) -> None:
        distance = length(points - self._batch.inputs[rows], self.norm)
        cost = torch.where(firm, distance, _INFIRM * (1 + distance)).masked_fill(~fooled, math.inf)
        # A row may be there more than once.
        least = self._costs.scatter_reduce(0, rows, cost, "amin")
        better = (cost < self._costs[rows]) & (cost == least[rows])
        place = torch.where(better, rows, len(self._batch))
        self._answers[place], self._distances[place], self._costs = points, distance, least

    def pin(self, rows: Tensor, points: Tensor, chosen: Tensor) -> None:
        """Return points `[m, ...]` of some rows `[m]` where `chosen` `[m]`, whatever is found later."""
        place = torch.where(chosen, rows, len(self._batch))
        self._answers[place], self._costs[place] = points, -math.inf

    @torch.no_grad()
    def bisected(self, model: ScoreAccess, ctx: Context, times: int) -> Tensor:
        """The points after bisecting `times` times between each and its input for where the prediction changes."""
        fooling_rows = torch.nonzero(self.distance.isfinite()).flatten()
        for rows in fooling_rows.split(ctx.batch_size) if times else ():
            clean, far = self._batch.inputs[rows], self.answer[rows]
            robust, fooling = torch.zeros(len(rows), device=rows.device), torch.ones(len(rows), device=rows.device)
            for _ in range(times):
                middle = (robust + fooling) / 2
                point = clean + per_example(middle, far) * (far - clean)
                fooled = self.note(rows, point, model(point, rows))
                robust, fooling = torch.where(fooled, robust, middle), torch.where(fooled, middle, fooling)
        return self.answer


class _Watched(nn.Module):
    """A model whose passes a `Closest` notes."""

    def __init__(self, closest: Closest, model: GradientAccess | ScoreAccess) -> None:
        super().__init__()
        self._closest, self._model = closest, model

    def forward(self, inputs: Tensor, rows: Tensor) -> Tensor:
        """Logits `[m, classes]` of inputs `[m, ...]` of these rows `[m]`."""
        logits = self._model(inputs, rows)
        self._closest.note(rows, inputs, logits)
        return logits
