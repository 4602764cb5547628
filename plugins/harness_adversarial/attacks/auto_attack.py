"""AutoAttack: a fixed sequence of attacks without parameters to tune, each on the examples that survive the last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal, Protocol

import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, Threat
from harness.api.attacks import BallNorm, OnRows, SearchResult, row_parts, rows_of
from harness_adversarial.attacks.apgd import APGD, APGDTargeted
from harness_adversarial.attacks.fab import FABTargeted
from harness_adversarial.attacks.square import Square

Count = Annotated[int, Ge(1)]


class Stage(Protocol):
    """An attack that reports which examples it fooled."""

    def search(self, model: Any, batch: LabelledInputs, ctx: Context) -> SearchResult:
        """Candidates for all examples of the batch."""


class AutoAttack:
    """AutoAttack (Croce & Hein 2020, section 5): APGD, targeted APGD, FAB, Square, each on what survives the last.

    The standard version is APGD on cross-entropy, targeted APGD on the difference of logits ratio, targeted FAB and
    Square; the rand version, for models that are random, APGD on both losses with gradients averaged over 20 passes.
    Records say by which stage each example was `fooled_by`; the metric `stage_share` sums it up.

    Args:
        eps: budget in the norm, in units of the inputs.
        norm: the ball the perturbation stays in.
        version: standard or rand.
        steps: steps of APGD and FAB, per target.
        targets: classes that targeted attacks try, at most all others.
        queries: queries of Square.
        eot: passes over which the rand version averages.
    """

    pooled = True

    def __init__(
        self,
        eps: Annotated[float, Ge(0)],
        norm: BallNorm = "linf",
        version: Literal["standard", "rand"] = "standard",
        steps: Count = 100,
        targets: Count = 9,
        queries: Count = 5000,
        eot: Count = 20,
    ) -> None:
        self.threat = Threat(norm, eps)
        self.fooled_by: Mapping[str, str] = {}
        self.without_gradients: Sequence[str] = ("square",)
        self.averages = version == "rand" and eot > 1
        self.stages: Sequence[tuple[str, Stage]]
        if version == "standard":
            self.stages = (
                ("apgd-ce", APGD(eps, norm, "cross_entropy", steps)),
                ("apgd-t", APGDTargeted(eps, norm, targets, steps)),
                ("fab-t", FABTargeted(eps, norm, targets, steps)),
                ("square", Square(eps, norm, queries)),
            )
        else:
            self.stages = (
                ("apgd-ce", APGD(eps, norm, "cross_entropy", steps, eot=eot)),
                ("apgd-dlr", APGD(eps, norm, "dlr", steps, eot=eot)),
            )

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """For each example the first candidate that fools the model; else the one of the first attack."""
        fooled_by = dict[str, str]()
        left, answer = torch.arange(len(batch), device=batch.inputs.device), batch.inputs
        for number, (name, stage) in enumerate(self.stages):
            if not len(left):
                break
            fooled = []
            for rows, stage_ctx in self._parts(left, number, batch, ctx):
                result = stage.search(OnRows(model, rows), rows_of(batch, rows), stage_ctx)
                fooled.append(rows[result.fooled])
                if number:
                    answer[fooled[-1]] = result.candidates[result.fooled]
                else:
                    answer = result.candidates
            hit = torch.cat(fooled)
            fooled_by |= {batch.ids[row]: name for row in hit.tolist()}
            left = left[~torch.isin(left, hit)]
        self.fooled_by = fooled_by
        ctx.progress(len(batch), len(batch))
        return answer

    def _parts(
        self, left: Tensor, number: int, batch: LabelledInputs, ctx: Context
    ) -> Iterator[tuple[Tensor, Context]]:
        """The rows that a stage of this number attacks at a time, each with its context: in the first stage all."""
        done, stage_ctx = 0, ctx.scoped(self.stages[number][0])
        for rows in row_parts(left, batch, ctx) if number else (left,):
            before = number * len(left) + done
            yield rows, replace(stage_ctx, progress=partial(_report, ctx, before, len(self.stages) * len(left)))
            done += len(rows)


def _report(ctx: Context, before: int, of: int, done: int, total: int) -> None:
    """Report the progress of a part of a stage as a part of all."""
    ctx.progress(before + done, of)
