"""What second attacks and a test of the gradient find at a few survivors of an attack that follows gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import torch
from torch import Tensor

from harness.api import Attack, Averaging, Context, LabelledInputs, Viewed
from harness.api.attacks import ConvexNorm, rows_of
from harness.api.instruments import CountedModel
from harness_classification.indicators.local_gradient import surprising
from harness_classification.indicators.probes import Probe, more_steps, search_by_scores
from harness_classification.indicators.watch import AttackWatch, Seen
from harness_classification.predictions import Predictions, predict

FEWEST, MOST = 12, 16
"""How many survivors are asked: one in twenty attacked examples, but no fewer and no more than this."""
NEAREST, FARTHEST = 0.03, 0.12
"""Which: those at these ranks of the attacked examples by how little is missing, evenly.

Attacks differ by a few examples in a hundred, and those that a stronger one fools next are nearest. Beyond those a
survivor that is fooled at once stands for others.
"""
FEW_STEPS = 10
"""An attack with fewer gradients of a survivor is short, and doubted more easily."""
UNSURE = 0.5
"""A model is unsure where most confidences of its right answers are below this: cross-entropy then follows the mean of
all other classes, not the nearest one, and the attack is doubted more easily."""
DRAWS = 20
"""Passes that predictions of a random model are averaged over."""


@dataclass(frozen=True)
class SurvivorCounts:
    """What was found at the survivors asked.

    Attributes:
        asked: how many survivors were attacked again.
        by_more_steps, by_scores: how many of them a few more gradient steps fool; a short search without gradients.
        short: the attack took fewer than `FEW_STEPS` gradients of them.
        unsure: most right answers of the model have a confidence below `UNSURE`.
        tested, surprising: examples with a gradient, and those where it does not predict what small steps do.
    """

    asked: int = 0
    by_more_steps: int = 0
    by_scores: int = 0
    short: bool = False
    unsure: bool = False
    tested: int = 0
    surprising: int = 0


@dataclass(frozen=True)
class SurvivorSample:
    """A few survivors to ask; of an attack without a budget, a few attacked examples.

    Attributes:
        examples: `[m, ...]`, clean, with targets if the threat has them.
        adversarial: `[m, ...]`, the points that the attack returned.
        gradients: `[m]`, how many the attack took of each.
        reached: `[m]`, on the CPU, how far it went; None without a norm.
    """

    examples: LabelledInputs
    adversarial: Tensor
    gradients: Tensor
    reached: Tensor | None

    def at(self, rows: Tensor) -> SurvivorSample:
        """Those in these rows."""
        reached = None if self.reached is None else self.reached[rows.cpu()]
        return SurvivorSample(rows_of(self.examples, rows), self.adversarial[rows], self.gradients[rows], reached)


def sample_of(
    watch: AttackWatch,
    seen: Seen,
    attack: Attack,
    adversarial: Tensor,
    returned: Predictions,
    survived: Tensor,
    attacked: Tensor,
    gradients: Tensor,
    random: bool,
) -> SurvivorSample | None:
    """Choose survivors of some examples; None for attacks that take no gradients.

    Args:
        watch, seen: what was watched of the attack, and its summary.
        attack: the attack; that of a random model must average.
        adversarial: the points that it returned, `[n, ...]`.
        returned: predictions for those points.
        survived, attacked: bool `[n]`.
        gradients: `[n]`, how many the attack took of each example.
        random: the model is.
    """
    threat, averages = attack.threat, isinstance(attack, Averaging) and attack.averages
    if threat.norm not in get_args(ConvexNorm) or threat.eps == 0 or (random and not averages):
        return None
    if not bool(gradients.any()):
        return None
    rows = (
        nearest_survivors(returned.margin, survived, attacked, watch.targets is not None)
        if threat.eps is not None
        else _some(attacked)
    )
    whole = SurvivorSample(replace(watch.examples, targets=watch.targets), adversarial, gradients, seen.reached)
    return whole.at(rows) if len(rows) else None


def joined(samples: Sequence[SurvivorSample], ctx: Context) -> SurvivorSample | None:
    """One sample of several, in their order: of more than `MOST` examples those whose draws are lowest."""
    if len(samples) < 2:
        return next(iter(samples), None)
    examples = [sample.examples for sample in samples]
    targets, reached = (
        None if any(part is None for part in parts) else torch.cat([part for part in parts if part is not None])
        for parts in ([each.targets for each in examples], [sample.reached for sample in samples])
    )
    together = replace(
        examples[0],
        ids=[name for each in examples for name in each.ids],
        inputs=torch.cat([each.inputs for each in examples]),
        labels=torch.cat([each.labels for each in examples]),
        targets=targets,
    )
    adversarial, gradients = (torch.cat([getattr(s, name) for s in samples]) for name in ("adversarial", "gradients"))
    drawn = ctx.uniform(together.ids, (), "sample of survivors")
    lowest = drawn.argsort(stable=True)[:MOST].sort().values
    return SurvivorSample(together, adversarial, gradients, reached).at(lowest)


def ask_survivors(
    counted: CountedModel,
    sample: SurvivorSample | None,
    attack: Attack,
    one_step: bool,
    confidence: Tensor,
    random: bool,
    ctx: Context,
) -> SurvivorCounts:
    """Attack a few survivors again, and test the gradient there.

    One full step from the clean input is not attacked again, since no one takes it for the best of attacks; nor is what
    was made to hold under many views.

    Args:
        counted: the model.
        sample: the survivors, if there are any to ask.
        attack: the attack.
        one_step: it takes one full step.
        confidence: of the model in the clean answers that were attacked.
        random: the model is.
        ctx: draws.
    """
    if sample is None:
        return SurvivorCounts()
    threat, m = attack.threat, len(sample.examples)
    if threat.eps is None:
        assert sample.reached is not None  # its norm is one of a ball
        threat = replace(threat, eps=float(sample.reached.clamp(min=1e-6).median()))
    probe = Probe(counted, sample.examples, threat, ctx.scoped("survivors"))
    wrong, tested = (torch.zeros(m, dtype=torch.bool),) * 2 if random else surprising(probe)
    counts = SurvivorCounts(tested=int(tested.sum()), surprising=int(wrong.sum()))
    if attack.threat.eps is None or one_step or isinstance(attack, Viewed):
        return counts
    draws = DRAWS if random else 1
    return replace(
        counts,
        asked=m,
        by_more_steps=_fooled(probe, more_steps(probe, sample.adversarial), draws),
        by_scores=_fooled(probe, search_by_scores(probe), draws),
        short=float(sample.gradients.median()) < FEW_STEPS,
        unsure=float(confidence.median()) < UNSURE,
    )


def nearest_survivors(margin: Tensor, survived: Tensor, attacked: Tensor, targeted: bool = False) -> Tensor:
    """The rows of the survivors to ask, in order of how little is missing; none if hardly any survived.

    Args:
        margin: `[n]`, of the true class at the returned points.
        survived, attacked: bool `[n]`.
        targeted: margins say little of the way to a target, and survivors are taken in the order of examples.
    """
    rows, n = torch.nonzero(survived).flatten(), int(attacked.sum())
    if not targeted:
        rows = rows[margin[rows].argsort(stable=True)]
    wanted = min(max(FEWEST, math.ceil(n / 20)), MOST)
    first = round(NEAREST * n)
    last = max(round(FARTHEST * n), first + wanted - 1)
    rows = rows[first : last + 1]
    return rows[torch.linspace(0, len(rows) - 1, min(wanted, len(rows))).round().long().to(rows.device)]


def _some(attacked: Tensor) -> Tensor:
    """Rows of attacked examples, evenly from the first to the last."""
    rows = torch.nonzero(attacked).flatten()
    return rows[torch.linspace(0, len(rows) - 1, min(MOST, len(rows))).round().long().to(rows.device)]


def _fooled(probe: Probe, points: Tensor, draws: int) -> int:
    """How many points the model as it is asked everywhere else is fooled by."""
    again = predict(probe.counted, points, probe.examples.labels, probe.ctx.batch_size, draws)
    targets = probe.examples.targets
    hit = again.prediction != probe.examples.labels if targets is None else again.prediction == targets
    return int((hit & again.valid).sum())
