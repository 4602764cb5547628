"""Attacks for the smallest distance return the closest point that they looked at and that fools, always."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, LabelledInputs
from harness.api.attacks import Closest, firmly_fooled, length
from harness.api.instruments import CountedModel
from harness_adversarial.attacks.carlini_wagner import CarliniWagner
from harness_adversarial.attacks.ddn import DDN
from harness_adversarial.attacks.deepfool import DeepFool
from harness_adversarial.attacks.fab import FABTargeted
from harness_adversarial.attacks.fmn import FMN
from harness_adversarial.attacks.hopskipjump import HopSkipJump
from harness_classification.classify import Classify
from harness_vision.digits import digits
from harness_vision.shipped_digits import shipped_digits

ATTACKS = [
    FMN("linf", steps=20),
    FMN("l2", steps=20),
    FMN("l2", steps=20, targeted=True),
    DDN(steps=20),
    DDN(steps=20, targeted=True),
    DeepFool("linf", steps=10),
    DeepFool("l2", steps=10, bisections=0),
    CarliniWagner(steps=20, searches=3),
    FABTargeted(norm="linf", targets=3, steps=5),
    FABTargeted(norm="l2", targets=3, steps=5),
    FABTargeted(0.3, "linf", targets=3, steps=5),
    HopSkipJump("l2", iterations=2, samples=20),
    HopSkipJump("linf", iterations=2, samples=20),
]


class Spy(nn.Module):
    """Notes for each row the closest point of any pass that fools firmly, by itself."""

    def __init__(self, model: nn.Module, batch: LabelledInputs, norm: str) -> None:
        super().__init__()
        self.model, self.batch, self.norm = model, batch, norm
        self.least = torch.full((len(batch),), float("inf"))

    def forward(self, inputs: Tensor, rows: Tensor) -> Tensor:
        logits = torch.as_tensor(self.model(inputs))
        for point, row, given in zip(inputs.detach(), rows.tolist(), logits.detach(), strict=True):
            label, targets = self.batch.labels[row : row + 1], self.batch.targets
            aim = None if targets is None else targets[row : row + 1]
            if bool(firmly_fooled(given[None], label, aim)):
                size = float(length(point[None] - self.batch.inputs[row : row + 1], self.norm))
                self.least[row] = min(float(self.least[row]), size)
        return logits


def batch_of(n: int, targeted: bool) -> tuple[CountedModel, LabelledInputs]:
    model, data = shipped_digits("hardened"), digits("test")
    inputs = torch.as_tensor(data.columns["inputs"])[:n]
    with torch.no_grad():
        labels = model(inputs).argmax(dim=1)
    targets = (labels + 3) % 10 if targeted else None
    return CountedModel(model, 10, n, "cpu"), LabelledInputs(data.ids[:n], inputs, labels, targets)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{type(attack).__name__}-{attack.threat}")
def test_the_closest_point_that_an_attack_saw_is_the_one_it_returns(attack: Any) -> None:
    model, batch = batch_of(12, attack.threat.targeted)
    spy = Spy(model, batch, attack.threat.norm)
    returned = attack.perturb(spy, batch, Context(batch_size=8))
    within = spy.least.isfinite() if attack.threat.eps is None else spy.least <= attack.threat.eps
    assert bool(within.any())
    distance = length(returned - batch.inputs, attack.threat.norm)
    assert distance[within].tolist() == pytest.approx(spy.least[within].tolist(), abs=1e-7)
    logits = model(returned)
    assert bool(firmly_fooled(logits, batch.labels, batch.targets)[within].all())


@pytest.mark.parametrize("attack", [FMN("linf", steps=30), DeepFool("linf"), DeepFool("l2")])
def test_no_point_that_fools_is_lost_to_round_off(attack: Any) -> None:
    """A boundary that is reached to the last bit is on the other side when the point is classified again."""
    outcome = Classify().run(shipped_digits("hardened"), digits("test"), attack, Context())
    assert not any(outcome.records["silent_success"])
    assert outcome.doubts == ()


def test_deepfool_loses_no_example() -> None:
    outcome = Classify().run(shipped_digits("standard"), digits("test"), DeepFool("linf"), Context())
    assert "robust" not in outcome.records["outcome"]


def test_what_fools_by_a_hair_is_kept_until_something_fools_firmly() -> None:
    batch = LabelledInputs(["a"], torch.zeros(1, 1), torch.zeros(1, dtype=torch.long))
    closest, row = Closest(batch, "linf"), torch.tensor([0])

    def look(point: float, lead: float) -> float:
        closest.note(row, torch.tensor([[point]]), torch.tensor([[0.0, lead, -10.0]]))
        return float(closest.answer)

    assert look(0.1, -1.0) == 0
    assert look(0.3, 1e-5) == pytest.approx(0.3)
    assert look(0.2, 1e-5) == pytest.approx(0.2)
    assert look(0.5, 1.0) == pytest.approx(0.5)
    assert look(0.1, 1e-5) == pytest.approx(0.5)
    assert look(0.4, 1.0) == pytest.approx(0.4)
    assert float(closest.distance) == pytest.approx(0.4)


def test_the_closest_of_several_points_of_one_pass_is_kept() -> None:
    batch = LabelledInputs(["a", "b"], torch.zeros(2, 1), torch.zeros(2, dtype=torch.long))
    closest = Closest(batch, "l2")
    points = torch.tensor([[0.3], [0.2], [0.1], [0.7]])
    logits = torch.tensor([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    closest.note(torch.tensor([0, 0, 0, 1]), points, logits)
    assert closest.answer.flatten().tolist() == pytest.approx([0.2, 0.7])
