"""Second attacks on a few survivors: gradient steps that go on where the attack ended, and a search by scores alone.

An attack that failed leaves examples that another one fools at once. The passes are a tenth of those of a 20-step
attack on 360 examples, and no more for more: 17 and 64 for each of 16 examples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.api import Context, LabelledInputs, Threat
from harness.api.attacks import (
    adversarial_loss,
    length,
    per_example,
    project,
    project_l1,
    sparse_step,
    steepest,
)
from harness.api.instruments import CountedModel

STEP_SIZES = (0.25, 0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625, 0.03125)
"""Of the steps that go on, as shares of the budget."""
QUERIES = 64
"""Of the search by scores, for each example."""
_SPARSE = 0.05
"""Share of the entries that a step in L1 moves."""


@dataclass(frozen=True)
class Probe:
    """A few examples under the threat of an attack, and the model that is asked about them.

    Attributes:
        counted: the model; its passes are not booked to the attack.
        examples: `[m, ...]`, with targets if the threat has them.
        threat: with a norm that is a ball, and a budget.
        ctx: draws, and gives the batch size.
    """

    counted: CountedModel
    examples: LabelledInputs
    threat: Threat
    ctx: Context

    def inside(self, points: Tensor) -> Tensor:
        """Points `[m, ...]` moved into budget and box."""
        clean, low, high = self.examples.inputs, self.examples.low, self.examples.high
        if self.threat.norm == "l1":
            return project_l1(points, clean, self.eps, low, high)
        return project(points, clean, self.eps, "linf" if self.threat.norm == "linf" else "l2", low, high)

    @property
    def eps(self) -> float:
        """The budget."""
        return float(self.threat.eps or 0.0)

    @torch.no_grad()
    def asked(self, points: Tensor) -> Tensor:
        """The margin `[m]` of the points `[m, ...]`, without gradients."""
        logits = torch.cat([self.counted(part) for part in points.split(self.ctx.batch_size)]).float()
        return self.loss(logits, slice(None))

    def loss(self, logits: Tensor, rows: slice) -> Tensor:
        """The margin `[m]` of logits `[m, classes]`; the attack has succeeded where it is positive."""
        targets = self.examples.targets
        return adversarial_loss(
            logits, self.examples.labels[rows], None if targets is None else targets[rows], "margin"
        )

    def gradient(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """The margin `[m]` at points `[m, ...]` and its gradient `[m, ...]`, 0 where it is not a number."""
        losses, gradients = [], []
        for start in range(0, len(points), self.ctx.batch_size):
            rows = slice(start, start + self.ctx.batch_size)
            leaf = points[rows].detach().requires_grad_(True)
            loss = self.loss(self.counted(leaf).float(), rows)
            given = torch.autograd.grad(loss.sum(), leaf, allow_unused=True)[0] if loss.requires_grad else None
            losses.append(loss.detach())
            gradients.append(torch.zeros_like(leaf) if given is None else given)
        return torch.cat(losses), torch.cat(gradients).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)

    def spent(self, direction: Tensor) -> Tensor:
        """Offsets `[m, ...]` along directions, of the length of the budget; 0 stays 0."""
        size = length(direction, str(self.threat.norm)).clamp_min(torch.finfo(direction.dtype).tiny)
        return direction * per_example(self.eps / size, direction)

    def step(self, points: Tensor, gradient: Tensor, size: float) -> Tensor:
        """One step of this size in the norm of the threat, within budget and box."""
        if self.threat.norm == "l1":
            direction = sparse_step(gradient, points, _SPARSE, self.examples.low, self.examples.high)
        else:
            direction = steepest(gradient, "linf" if self.threat.norm == "linf" else "l2")
        return self.inside(points + size * direction)


def more_steps(probe: Probe, start: Tensor) -> Tensor:
    """The best points `[m, ...]` of a few more gradient steps on the margin, from where the attack ended."""
    points = best = probe.inside(start)
    highest = torch.full((len(start),), -math.inf, device=start.device)
    for size in (*STEP_SIZES, 0.0):
        loss, gradient = probe.gradient(points)
        best = torch.where(per_example(loss > highest, points), points, best)
        highest = torch.maximum(highest, loss)
        points = probe.step(points, gradient, size * probe.eps)
    return best


def search_by_scores(probe: Probe, queries: int = QUERIES) -> Tensor:
    """The best points `[m, ...]` of a random search over windows (after Andriushchenko et al. 2020), without gradients.

    The first candidate is striped; each of the others changes a window, ever smaller, of the best so far.
    """
    clean = probe.examples.inputs
    shape = clean.shape[1:] if clean.dim() == 4 else torch.Size((1, 1, clean[0].numel()))
    signs = _signs(probe, (shape[0], 1, shape[2]), "stripes").expand(-1, *shape)
    best = probe.inside(clean + probe.spent(signs.reshape(clean.shape)))
    highest = probe.asked(best)
    for query in range(1, queries):
        side = 0.8**0.5 * (1 - query / queries)
        window = _window(probe, shape, side, query)
        signs = _signs(probe, (shape[0], 1, 1), "signs", query).expand(-1, *shape)
        moved = probe.spent((window * signs).reshape(clean.shape))
        outside = (1 - window).expand(-1, *shape).reshape(clean.shape)
        kept = (best - clean) * (outside if probe.threat.norm == "linf" else 1)
        points = probe.inside(clean + kept + moved)
        loss = probe.asked(points)
        best = torch.where(per_example(loss > highest, points), points, best)
        highest = torch.maximum(highest, loss)
    return best


def _signs(probe: Probe, shape: Sequence[int], *names: str | int) -> Tensor:
    drawn = probe.ctx.uniform(probe.examples.ids, shape, *names)
    return torch.where(drawn < 0.5, -1.0, 1.0)


def _window(probe: Probe, shape: torch.Size, side: float, query: int) -> Tensor:
    """A window for each example, `[m, 1, height, width]`: 1 within, 0 around it."""
    drawn = probe.ctx.uniform(probe.examples.ids, (2,), "windows", query)
    masks = []
    for axis, extent in enumerate(shape[1:]):
        size = max(1, math.ceil(side * extent))
        first = (drawn[:, axis] * (extent - size + 1)).floor()[:, None]
        place = torch.arange(extent, device=drawn.device)
        masks.append(((place >= first) & (place < first + size)).to(probe.examples.inputs.dtype))
    return masks[0][:, None, :, None] * masks[1][:, None, None, :]
