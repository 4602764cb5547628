"""PGD at many budgets, from the largest down, on the examples that are still fooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, GradientAccess, HarnessError, LabelledInputs, Threat
from harness.api.attacks import ConvexNorm, Loss, OnRows, length, per_example, row_parts, rows_of
from harness_adversarial.attacks.gradient_attacks import PGD


class PGDCurve:
    """PGD at many budgets for little more than the dearest: from the largest down, each on what is still fooled.

    An example that survives a budget is not attacked at smaller ones, so it costs the passes of one survival, and those
    at larger budgets, which are quick: the search at a budget begins where the one before ended, moved towards the
    clean input as far as it must be. Ask `robust_accuracy_at` for the budgets; `robust_accuracy` is for the largest.

    Args:
        budgets: in the norm, in units of the inputs.
        norm: the ball the perturbation stays in.
        steps: gradient steps per restart.
        restarts: starts at each budget, all but the first of smaller ones random; an example is robust only if it
            survives all.
        targeted: move towards a target class instead of away from the true one.
        loss: the loss that is maximised.
    """

    pooled = True

    def __init__(
        self,
        budgets: Sequence[float],
        norm: ConvexNorm = "linf",
        steps: Annotated[int, Ge(1)] = 20,
        restarts: Annotated[int, Ge(1)] = 1,
        targeted: bool = False,
        loss: Loss = "cross_entropy",
    ) -> None:
        if not budgets or not all(0 < eps < float("inf") for eps in budgets):
            raise HarnessError(f"budgets {list(budgets)} must be one or more positive numbers")
        self.stages = [
            PGD(eps, norm, steps, restarts=restarts, targeted=targeted, loss=loss)
            for eps in sorted(set(budgets), reverse=True)
        ]
        self.threat = Threat(norm, max(budgets), targeted, minimal=True)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """For each example the candidate of the smallest budget that fools the model; else that of the largest."""
        left, answer = torch.arange(len(batch), device=batch.inputs.device), batch.inputs
        silent = replace(ctx, progress=lambda *_: None)
        for number, stage in enumerate(self.stages):
            fooled = []
            for rows in row_parts(left, batch, ctx) if number else (left,):
                pool = rows_of(batch, rows)
                first = _shrunk(answer[rows], pool.inputs, stage.eps, str(stage.threat.norm)) if number else None
                result = stage.search(OnRows(model, rows), pool, silent, first)
                fooled.append(rows[result.fooled])
                if number:
                    answer[fooled[-1]] = result.candidates[result.fooled]
                else:
                    answer = result.candidates
            left = torch.cat(fooled)
            if not len(left):
                break
            ctx.progress(len(batch) * (number + 1) // len(self.stages), len(batch))
        ctx.progress(len(batch), len(batch))
        return answer


def _shrunk(reached: Tensor, clean: Tensor, eps: float, norm: str) -> Tensor:
    """The points `[n, ...]` moved towards the clean inputs until they are at most eps from them."""
    offset = reached - clean
    return clean + offset * per_example(eps / length(offset, norm).clamp_min(eps), offset)
