"""Signs that an attack failed, and the record columns that they rest on, from what was watched while it ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from harness.api import Attack, Averaging, Context, LabelledInputs, WithSurrogate
from harness.api.instruments import LANES, CountedModel, per_example
from harness_classification.indicators.signs import Signs
from harness_classification.indicators.stages import late_finds, stage_of_each
from harness_classification.indicators.survivors import ask_survivors
from harness_classification.indicators.watch import AttackWatch
from harness_classification.predictions import Predictions, column, predict

INPUTS_ASKED_TWICE = 64
"""How many inputs a model is given a second time, to see whether its predictions change."""
MAX_REPEATS = 6
"""How often the first of them are repeated: a model that draws one number for a whole batch may draw it twice."""


def signs_of_failure(
    counted: CountedModel,
    watch: AttackWatch,
    adversarial: Tensor,
    clean: Predictions,
    returned: Predictions,
    columns: Mapping[str, Any],
    attack: Attack,
    unstable: str,
    ctx: Context,
) -> tuple[Signs, dict[str, Any]]:
    """The indicators of attack failure, and the record columns that they rest on."""
    examples, device = watch.examples, adversarial.device
    finite = per_example(adversarial.flatten(1).isfinite().all(dim=1), adversarial)
    seen = watch.seen(torch.where(finite, adversarial, examples.inputs), clean.logits, returned.logits)
    survived = torch.tensor([outcome == "robust" for outcome in columns["outcome"]], device=device)
    attacked = torch.tensor([success is not None for success in columns["success"]], device=device)
    points, looked_fooled = watch.points()
    asked = torch.nonzero(survived & looked_fooled).flatten()
    again = predict(counted, points[asked], examples.labels[asked], ctx.batch_size)
    wanted = watch.targets
    hit = again.prediction != examples.labels[asked] if wanted is None else again.prediction == wanted[asked]
    silent = torch.zeros_like(survived)
    silent[asked] = hit & again.valid
    n_attacked = int(attacked.sum())
    fooled_by = stage_of_each(attack, examples.ids, columns["success"])
    signs = Signs(
        attacked=n_attacked,
        unstable="" if isinstance(attack, Averaging) and attack.averages else unstable,
        # Predictions of a random model change from pass to pass.
        silent=0 if unstable else int(silent.sum()),
        vanished=0 if unstable else len(asked) - int(silent.sum()),
        elsewhere=_fooled_elsewhere(attack, examples, adversarial, survived & attacked, wanted, counted.classes, ctx),
        blind=int((seen.blind & survived).sum()),
        exploded=int((seen.exploded & survived).sum()),
        short=int((seen.short & survived).sum()),
        stuck=int((seen.stuck & survived).sum()),
        survived=int(survived.sum()),
        unbounded=seen.unbounded,
        excess=seen.excess,
        asked=ask_survivors(
            counted,
            watch,
            seen,
            attack,
            adversarial,
            clean,
            returned,
            survived,
            attacked,
            torch.as_tensor(columns["backward_passes"], device=device),
            bool(unstable),
            ctx,
        ),
        stages=late_finds(attack, fooled_by, n_attacked),
    )
    is_attacked = attacked.tolist()
    stages = {} if fooled_by is None else {"fooled_by": fooled_by}
    return signs, {
        **stages,
        "zero_gradients": seen.zero_gradients.cpu().numpy(),
        "exploding_gradients": seen.exploding_gradients.cpu().numpy(),
        "silent_success": column(silent, is_attacked),
        "reached": [None] * len(is_attacked) if seen.reached is None else column(seen.reached, is_attacked),
    }


def randomness(counted: CountedModel, examples: LabelledInputs, clean: Predictions, ctx: Context) -> str:
    """How repeated predictions of the first examples differ, in words; empty if they do not."""
    for asked in range(1, MAX_REPEATS + 1):
        first = slice(0, INPUTS_ASKED_TWICE if asked == 1 else LANES)
        again = predict(counted, examples.inputs[first], examples.labels[first], ctx.batch_size)
        before = clean.logits[first]
        # Round-off of a device that adds up in another order is no randomness.
        apart = int(((again.logits - before).abs().amax(dim=1) > 1e-3 * (1 + before.abs().amax(dim=1))).sum())
        if apart:
            changed = int((again.prediction != clean.prediction[first]).sum())
            answers = f"asked again, it answers {apart} of {len(before)} inputs otherwise and changes {changed} classes"
            return f"{answers} (is dropout on? else attack it over its randomness, such as by eot_pgd)"
    return ""


def _fooled_elsewhere(
    attack: Attack,
    examples: LabelledInputs,
    adversarial: Tensor,
    survived: Tensor,
    targets: Tensor | None,
    classes: int,
    ctx: Context,
) -> int:
    """How many survivors fool the surrogate that the attack was made on; 0 if it names none."""
    rows = torch.nonzero(survived).flatten()
    if not isinstance(attack, WithSurrogate) or attack.surrogate is None or not len(rows):
        return 0
    surrogate = CountedModel(attack.surrogate, classes, len(rows), ctx.device)
    again = predict(surrogate, adversarial[rows], examples.labels[rows], ctx.batch_size)
    hit = again.prediction != examples.labels[rows] if targets is None else again.prediction == targets[rows]
    return int((hit & again.valid).sum())
