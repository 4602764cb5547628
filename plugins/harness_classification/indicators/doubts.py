"""Signs that an attack failed, and the record columns that they rest on, from what was watched while it ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from harness.api import Attack, Averaging, Context, LabelledInputs, WithSurrogate
from harness.api.instruments import LANES, CountedModel
from harness_classification.attack_verification import where_finite
from harness_classification.indicators.signs import Signs, added_up
from harness_classification.indicators.stages import late_finds, stage_of_each
from harness_classification.indicators.survivors import SurvivorSample, ask_survivors, joined, sample_of
from harness_classification.indicators.watch import AttackWatch
from harness_classification.predictions import Predictions, column, predict

INPUTS_ASKED_TWICE = 64
"""How many inputs a model is given a second time, to see whether its predictions change."""
MAX_REPEATS = 6
"""How often the first of them are repeated: a model that draws one number for a whole batch may draw it twice."""


@dataclass(frozen=True)
class Indicated:
    """What was found of an attack on the examples of a window.

    Attributes:
        signs: without what is asked of survivors or stages of all windows together.
        columns: the record columns that the signs rest on.
        sample: survivors that may be asked.
        confidence: `[attacked]`, of the clean answers that were attacked.
        one_step: the attack takes one full step.
        stages: which stage fooled each example, for an attack that has stages.
    """

    signs: Signs
    columns: Mapping[str, Any]
    sample: SurvivorSample | None
    confidence: Tensor
    one_step: bool
    stages: Sequence[str | None] | None


def indicators(
    counted: CountedModel,
    watch: AttackWatch,
    adversarial: Tensor,
    clean: Predictions,
    returned: Predictions,
    columns: Mapping[str, Any],
    attack: Attack,
    random: bool,
    ctx: Context,
) -> Indicated:
    """The indicators of attack failure on the examples that were watched, and the columns that they rest on."""
    examples, device = watch.examples, adversarial.device
    points = where_finite(adversarial, examples.inputs, adversarial.flatten(1).isfinite().all(dim=1))
    seen = watch.seen(points, clean.logits, returned.logits)
    survived = torch.tensor([outcome == "robust" for outcome in columns["outcome"]], device=device)
    attacked = torch.tensor([success is not None for success in columns["success"]], device=device)
    points, looked_fooled = watch.points()
    asked = torch.nonzero(survived & looked_fooled).flatten()
    again = predict(counted, points[asked], examples.labels[asked], ctx.batch_size)
    wanted = watch.targets
    hit = again.prediction != examples.labels[asked] if wanted is None else again.prediction == wanted[asked]
    silent = torch.zeros_like(survived)
    silent[asked] = hit & again.valid
    fooled_by = stage_of_each(attack, examples.ids, columns["success"])
    signs = Signs(
        attacked=int(attacked.sum()),
        # Predictions of a random model change from pass to pass.
        silent=0 if random else int(silent.sum()),
        vanished=0 if random else len(asked) - int(silent.sum()),
        elsewhere=_fooled_elsewhere(attack, examples, adversarial, survived & attacked, wanted, counted.classes, ctx),
        blind=int((seen.blind & survived).sum()),
        exploded=int((seen.exploded & survived).sum()),
        short=int((seen.short & survived).sum()),
        stuck=int((seen.stuck & survived).sum()),
        survived=int(survived.sum()),
        unbounded=seen.unbounded,
        excess=seen.excess,
    )
    gradients = torch.as_tensor(columns["backward_passes"], device=device)
    is_attacked = attacked.tolist()
    return Indicated(
        signs,
        {
            **({} if fooled_by is None else {"fooled_by": fooled_by}),
            "zero_gradients": seen.zero_gradients.cpu().numpy(),
            "exploding_gradients": seen.exploding_gradients.cpu().numpy(),
            "silent_success": column(silent, is_attacked),
            "reached": [None] * len(is_attacked) if seen.reached is None else column(seen.reached, is_attacked),
        },
        sample_of(watch, seen, attack, adversarial, returned, survived, attacked, gradients, random),
        clean.confidence[attacked],
        seen.one_step,
        fooled_by,
    )


class SignsOfWindows:
    """The signs of failure on window after window, of which only a few survivors are kept, to be asked once more.

    Args:
        counted: the model.
        attack: the attack.
        ctx: draws.
    """

    def __init__(self, counted: CountedModel, attack: Attack, ctx: Context) -> None:
        self._counted, self._attack, self._ctx = counted, attack, ctx
        self._signs: list[Signs] = []
        self._stages: list[str | None] | None = None
        self._confidence: list[Tensor] = []
        self._one_step = True
        self._sample: SurvivorSample | None = None

    def add(self, found: Indicated) -> None:
        """Add what was found on the next window."""
        self._signs.append(found.signs)
        self._confidence.append(found.confidence)
        self._one_step &= found.one_step
        if found.stages is not None:
            self._stages = [*(self._stages or ()), *found.stages]
        self._sample = joined([sample for sample in (self._sample, found.sample) if sample is not None], self._ctx)

    def all(self, unstable: str) -> Signs:
        """The signs on all windows together.

        Args:
            unstable: how the model answers the same inputs otherwise, in words; empty if it does not.
        """
        signs, confidence = added_up(self._signs), torch.cat(self._confidence)
        asked = ask_survivors(
            self._counted, self._sample, self._attack, self._one_step, confidence, bool(unstable), self._ctx
        )
        return replace(
            signs,
            unstable="" if isinstance(self._attack, Averaging) and self._attack.averages else unstable,
            asked=asked,
            stages=late_finds(self._attack, self._stages, signs.attacked),
        )


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
