"""Did the attack work? What was watched while it ran, turned into signs of failure and columns that they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from harness.contract.context import Context
from harness.contract.protocols import Attack, LabelledInputs
from harness.tasks.counting import CountedModel
from harness.tasks.indicators import Signs
from harness.tasks.judging import Judgement, column, judge, spread

LOOKED_AT_TWICE = 64
"""How many inputs a model is given a second time, to see whether it answers the same."""


def signs_of_failure(
    counted: CountedModel,
    adversarial: Tensor,
    clean: Judgement,
    returned: Judgement,
    columns: Mapping[str, Any],
    attack: Attack,
    ctx: Context,
) -> tuple[Signs, dict[str, Any]]:
    """The indicators of attack failure, and the record columns that say what they rest on."""
    watch = counted.watch
    assert watch is not None
    examples, device = watch.examples, adversarial.device
    finite = spread(adversarial.flatten(1).isfinite().all(dim=1), adversarial)
    seen = watch.seen(torch.where(finite, adversarial, examples.inputs), clean.logits, returned.logits)
    survived = torch.tensor([outcome == "robust" for outcome in columns["outcome"]], device=device)
    attacked = torch.tensor([success is not None for success in columns["success"]], device=device)
    points, looked_fooled = watch.points()
    asked = torch.nonzero(survived & looked_fooled).flatten()
    again = judge(counted, points[asked], examples.labels[asked], ctx.batch_size)
    wanted = watch.targets
    hit = again.prediction != examples.labels[asked] if wanted is None else again.prediction == wanted[asked]
    silent = torch.zeros_like(survived)
    silent[asked] = hit & again.valid
    n_attacked = int(attacked.sum())
    signs = Signs(
        attacked=n_attacked,
        unstable="" if getattr(attack, "averages", False) else _unstable(counted, examples, clean, ctx),
        silent=int(silent.sum()),
        vanished=len(asked) - int(silent.sum()),
        blind=int((seen.blind & survived).sum()),
        exploded=int((seen.exploded & survived).sum()),
        short=int((seen.short & survived).sum()),
        stuck=int((seen.stuck & survived).sum()),
        survived=int(survived.sum()),
        unbounded=seen.unbounded,
    )
    known = attacked.tolist()
    return signs, {
        "zero_gradients": seen.zero_gradients.cpu().numpy(),
        "exploding_gradients": seen.exploding_gradients.cpu().numpy(),
        "silent_success": column(silent, known),
        "reached": [None] * len(known) if seen.reached is None else column(seen.reached, known),
    }


def _unstable(counted: CountedModel, examples: LabelledInputs, clean: Judgement, ctx: Context) -> str:
    """How the model's answer to the first examples differs when it is asked again; empty if it does not."""
    first = slice(0, min(len(examples), LOOKED_AT_TWICE))
    again = judge(counted, examples.inputs[first], examples.labels[first], ctx.batch_size)
    before = clean.logits[first]
    # Round-off of a device that adds up in another order is no randomness.
    apart = (again.logits - before).abs().amax(dim=1) > 1e-3 * (1 + before.abs().amax(dim=1))
    if not apart.any():
        return ""
    changed = int((again.prediction != clean.prediction[first]).sum())
    return f"asked twice, it answers {int(apart.sum())} of {len(before)} inputs otherwise and changes {changed} classes"
