"""HopSkipJump: a walk along the decision boundary, by predictions alone."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, LabelledInputs, ScoreAccess, Threat
from harness.api.attacks import BallNorm, Closest, is_fooled, length, per_example, row_batches, steepest, unit


class HopSkipJump:
    """The smallest L2 or L-infinity distance from decisions alone (Chen, Jordan & Wainwright 2020, algorithm 2).

    From a random image that fools the model: to the boundary by bisection, a gradient estimated from the decisions
    around it, a step of decreasing length, and again.

    Args:
        norm: the distance to make small.
        iterations: the number of steps along the boundary.
        samples: decisions for the first gradient; sqrt(t) times as many for the t-th.
        most_samples: the largest number of decisions for a gradient.
        starts: random images tried to begin with.
        bisections: halvings on the way to the boundary.
    """

    pooled = True

    def __init__(
        self,
        norm: BallNorm = "l2",
        iterations: Annotated[int, Ge(1)] = 20,
        samples: Annotated[int, Ge(1)] = 100,
        most_samples: Annotated[int, Ge(1)] = 1000,
        starts: Annotated[int, Ge(1)] = 50,
        bisections: Annotated[int, Ge(1)] = 12,
    ) -> None:
        self.norm, self.iterations, self.samples, self.most_samples = norm, iterations, samples, most_samples
        self.starts, self.bisections = starts, bisections
        self.threat = Threat(norm, None, minimal=True)

    @torch.no_grad()
    def perturb(self, model: ScoreAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """The closest of all points looked at that fool the model."""
        closest = Closest(batch, self.norm)
        model = closest.watching(model)
        for rows in row_batches(batch, ctx):
            point, begun = _Search(self, model, batch, rows, ctx).begin()
            if begun.any():
                _Search(self, model, batch, rows[begun], ctx).walk(point[begun])
        return closest.answer


class _Search:
    """The walk of some rows of a batch."""

    def __init__(
        self, attack: HopSkipJump, model: ScoreAccess, batch: LabelledInputs, rows: Tensor, ctx: Context
    ) -> None:
        self._attack, self._model, self._batch, self._rows, self._ctx = attack, model, batch, rows, ctx
        self._clean = batch.inputs[rows]
        self._ids = [batch.ids[row] for row in rows.tolist()]

    def _fooled(self, points: Tensor, lanes: Tensor) -> Tensor:
        """Whether points `[k, ...]` fool the model, each belonging to one of the lanes `[k]`."""
        parts = []
        for some, of in zip(points.split(self._ctx.batch_size), lanes.split(self._ctx.batch_size), strict=True):
            rows = self._rows[of]
            parts.append(is_fooled(self._model(some, rows), self._batch.labels[rows], None))
        return torch.cat(parts)

    def begin(self) -> tuple[Tensor, Tensor]:
        """The first random image `[m, ...]` that fools the model, and which lanes have one `[m]`."""
        low, width = self._batch.low, self._batch.high - self._batch.low
        point, begun = self._clean.clone(), torch.zeros(len(self._rows), dtype=torch.bool, device=self._rows.device)
        for draw in range(self._attack.starts):
            lanes = torch.nonzero(~begun).flatten()
            if not len(lanes):
                break
            ids = [self._ids[lane] for lane in lanes.tolist()]
            drawn = low + width * self._ctx.uniform(ids, self._clean.shape[1:], "start", draw)
            fooled = self._fooled(drawn, lanes)
            point[lanes[fooled]] = drawn[fooled]
            begun[lanes[fooled]] = True
        return point, begun

    def walk(self, point: Tensor) -> None:
        """Follow the boundary from points `[m, ...]` that fool the model."""
        low, high = self._batch.low, self._batch.high
        lanes = torch.arange(len(self._rows), device=self._rows.device)
        point = self._to_boundary(point, lanes)
        for number in range(1, self._attack.iterations + 1):
            distance = length(point - self._clean, self._attack.norm)
            direction = self._direction(point, distance, lanes, number)
            step = distance / math.sqrt(number)
            ahead = (point + per_example(step, point) * direction).clamp(low, high)
            failing = ~self._fooled(ahead, lanes)
            for _ in range(15):
                left = lanes[failing]
                if not len(left):
                    break
                step[left] /= 2
                ahead[left] = (point[left] + per_example(step[left], point) * direction[left]).clamp(low, high)
                failing[left] = ~self._fooled(ahead[left], left)
            point = self._to_boundary(torch.where(per_example(failing, point), point, ahead), lanes)

    def _to_boundary(self, far: Tensor, lanes: Tensor) -> Tensor:
        """The points moved towards the clean inputs as far as they still fool the model, by bisection."""
        clean, is_linf = self._clean, self._attack.norm == "linf"
        reach = length(far - clean, "linf")
        robust, fooling, best = torch.zeros(len(far)).to(far), torch.ones(len(far)).to(far), far
        for _ in range(self._attack.bisections):
            share = (robust + fooling) / 2
            if is_linf:
                bound = per_example(share * reach, far)
                point = torch.minimum(torch.maximum(far, clean - bound), clean + bound)
            else:
                point = clean + per_example(share, far) * (far - clean)
            fooled = self._fooled(point, lanes)
            best = torch.where(per_example(fooled, far), point, best)
            robust, fooling = torch.where(fooled, robust, share), torch.where(fooled, share, fooling)
        return best

    def _direction(self, point: Tensor, distance: Tensor, lanes: Tensor, number: int) -> Tensor:
        """The direction away from the boundary, estimated from decisions around each point (equations 9 and 16)."""
        attack, shape = self._attack, self._clean.shape[1:]
        dimension = self._clean[0].numel()
        count = min(int(attack.samples * math.sqrt(number)), attack.most_samples)
        radius = distance / dimension if number > 1 else torch.full_like(distance, 0.1)
        if attack.norm == "l2":
            drawn = self._ctx.normal(self._ids, (count, *shape), "around", number)
        else:
            drawn = 2 * self._ctx.uniform(self._ids, (count, *shape), "around", number) - 1
        drawn = unit(drawn.flatten(0, 1)).reshape(drawn.shape)
        size = per_example(radius.clamp_min(1e-6), drawn)
        around = (point[:, None] + size * drawn).clamp(self._batch.low, self._batch.high)
        drawn = (around - point[:, None]) / size
        fooled = self._fooled(around.flatten(0, 1), lanes.repeat_interleave(count)).reshape(len(lanes), count)
        sign = 2.0 * fooled.to(drawn) - 1
        average = sign.mean(dim=1, keepdim=True)
        # Where all decisions agree there is no contrast, and their own sign is the best guess.
        weight = torch.where(average.abs() == 1, sign, sign - average)
        estimate = (weight.reshape(*weight.shape, *([1] * len(shape))) * drawn).mean(dim=1)
        return steepest(estimate, attack.norm)
