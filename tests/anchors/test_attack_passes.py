"""Fewer passes than attacks that make all steps on all examples, on a model of about .5 robust accuracy.

What others need follows from their loops. Passes are forward and backward passes of one example, of those alone that
the model gets right.

- PGD of foolbox, ART and torchattacks: 2 a step for every example, and one to judge the end.
- Official AutoAttack: 2 (steps + 1) + 2 for APGD; for each target 2 (steps + 1) + 1 for targeted APGD and 3 steps + 3
  for targeted FAB, with those left out that an earlier target fooled; queries + 1 for Square, which alone stops at
  once. Counted by a wrapper on this classifier (360 digits, eps .1, 100 steps): APGD-CE 74,688 passes, of which its
  checks of the model are 2,880 and 352 x 204 the attack, where ours makes 41,492 (.56); targeted APGD 400,855 and
  365,179 (.91), targeted FAB 596,555 and 542,176 (.91), with the same verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.api import Attack, Context, LabelledInputs
from harness.api.attacks import SearchResult
from harness_adversarial.attacks.apgd import APGD
from harness_adversarial.attacks.auto_attack import AutoAttack, Stage
from harness_adversarial.attacks.gradient_attacks import PGD
from harness_classification.classify import Classify
from harness_vision.digit_models import DigitCNN
from harness_vision.digits import digits
from trained_digits import trained_cnn

pytestmark = pytest.mark.slow

EPS = 0.09


@pytest.fixture(scope="module")
def model() -> DigitCNN:
    return trained_cnn("standard")


def attacked(model: DigitCNN, attack: Attack) -> tuple[int, int, float]:
    """How many examples were attacked, how many of them survived, and the passes it took."""
    done = Classify().run(model, digits("test"), attack, Context())
    assert done.problems == ()
    outcome = list(done.records["outcome"])
    robust, fooled = outcome.count("robust"), outcome.count("fooled")
    assert 0.4 < robust / len(outcome) < 0.6
    return robust + fooled, robust, done.cost["passes"] * (robust + fooled)


def test_pgd_and_apgd(model: DigitCNN) -> None:
    attacks, _, passes = attacked(model, PGD(EPS, steps=20))
    assert passes <= 0.75 * attacks * (2 * 20 + 1)
    attacks, _, passes = attacked(model, APGD(EPS, steps=100))
    assert passes <= 0.75 * attacks * (2 * 101 + 2)


@dataclass
class Counted:
    """A stage that notes how many examples it was given."""

    stage: Stage
    given: int = field(default=0)

    def search(self, model: Any, batch: LabelledInputs, ctx: Context) -> SearchResult:
        self.given = len(batch)
        return self.stage.search(model, batch, ctx)


def test_auto_attack_in_total(model: DigitCNN) -> None:
    """At most what the official one needs at least for these verdicts: one target for those that a stage fools."""
    steps, targets, queries = 20, 3, 100
    attack = AutoAttack(EPS, steps=steps, targets=targets, queries=queries)
    counted = [Counted(stage) for _, stage in attack.stages]
    attack.stages = [(name, stage) for (name, _), stage in zip(attack.stages, counted, strict=True)]
    examples, robust, passes = attacked(model, attack)
    apgd, fab = 2 * (steps + 1), 3 * (steps + 1)
    given = [stage.given for stage in counted]
    assert given[0] == examples
    assert given[3] >= robust
    official = given[0] * (apgd + 2)
    official += (given[1] - given[2]) * (apgd + 1) + given[2] * targets * (apgd + 1)
    official += (given[2] - given[3]) * fab + given[3] * targets * fab
    official += robust * (queries + 1)
    assert passes <= official
