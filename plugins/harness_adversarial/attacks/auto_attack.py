"""AutoAttack: a fixed sequence of attacks without parameters to tune, each on the examples that survive the last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Protocol

import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, Threat
from harness.api.attacks import BallNorm, OnRows, SearchResult, rows_of
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
        answer, fooled_by = batch.inputs.clone(), dict[str, str]()
        left = torch.arange(len(batch), device=batch.inputs.device)
        for number, (name, stage) in enumerate(self.stages):
            if not len(left):
                break
            stage_ctx = replace(ctx.scoped(name), progress=_after(ctx, number, len(self.stages)))
            result = stage.search(OnRows(model, left), rows_of(batch, left), stage_ctx)
            chosen = result.fooled if number else torch.ones_like(result.fooled)
            answer[left[chosen]] = result.candidates[chosen]
            fooled_by |= {batch.ids[row]: name for row in left[result.fooled].tolist()}
            left = left[~result.fooled]
        self.fooled_by = fooled_by
        ctx.progress(len(batch), len(batch))
        return answer


def _after(ctx: Context, number: int, stages: int) -> Callable[[int, int], None]:
    """Report the progress of one stage as a part of all."""

    def report(done: int, total: int) -> None:
        ctx.progress(number * total + done, stages * total)

    return report
