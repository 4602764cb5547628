"""Auto-PGD in the L1 ball: its schedule, the budget, and the same answer for every batch size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, LabelledInputs
from harness.api.instruments import distance
from harness_adversarial.attacks.apgd import APGD, APGDTargeted
from harness_adversarial.attacks.apgd_l1 import Schedule
from harness_adversarial.attacks.gradient_attacks import PGD
from harness_vision.digits import digits


class Net(nn.Module):
    """A small untrained network, which counts its passes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        self.passes = torch.zeros(200)
        self.largest = 0
        self.requires_grad_(False)

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        if rows is not None:
            self.passes.index_add_(0, rows, torch.ones(len(rows)))
        self.largest = max(self.largest, len(inputs))
        # As the core does, so that an example has the same bits in any company.
        padding = inputs.new_zeros((-len(inputs) % 8, *inputs.shape[1:]))
        logits: Tensor = self.body(torch.cat([inputs, padding]))[: len(inputs)]
        return logits


def pool(model: nn.Module, n: int = 50) -> LabelledInputs:
    """Digits, labelled with what the model says."""
    data = digits("test")
    inputs = torch.as_tensor(data.columns["inputs"])[:n]
    return LabelledInputs(list(data.ids[:n]), inputs, model(inputs).argmax(1))


def test_three_balls_after_one_another() -> None:
    schedule = Schedule.of(100)
    assert schedule.factor.tolist() == [3.0] * 30 + [2.0] * 30 + [1.0] * 41
    assert np.flatnonzero(schedule.begins).tolist() == [0, 30, 60]
    assert np.flatnonzero(Schedule.of(200).looks)[:3].tolist() == [2, 4, 6]
    assert np.flatnonzero(Schedule.of(200).looks)[-2:].tolist() == [195, 198]
    assert Schedule.of(5).factor.tolist() == [1.0] * 6


@pytest.mark.parametrize("attack", [APGD(1.0, "l1", steps=20), APGD(1.0, "l1", "dlr", steps=20, restarts=2)])
def test_points_are_within_the_budget_and_the_box(attack: APGD) -> None:
    model = Net()
    batch = pool(model)
    found = attack.search(model, batch, Context())
    assert float(distance(found.candidates - batch.inputs, "l1").max()) <= 1.0 + 1e-7
    assert 0 <= float(found.candidates.min()) <= float(found.candidates.max()) <= 1
    assert torch.equal(found.fooled, model(found.candidates).argmax(1) != batch.labels)
    assert 0 < int(found.fooled.sum()) < len(batch)
    assert str(attack.threat) == "l1 ≤ 1"


def test_verdicts_do_not_depend_on_the_batch_size() -> None:
    model = Net()
    batch = pool(model)
    for attack in (APGD(0.7, "l1", steps=15), APGDTargeted(0.7, "l1", targets=3, steps=15), PGD(0.7, "l1", steps=15)):
        answers = [attack.perturb(model, batch, Context(batch_size=size)) for size in (7, 50)]
        assert torch.equal(*answers)


def test_no_more_passes_than_steps_and_none_on_what_is_fooled() -> None:
    model = Net()
    batch = pool(model)
    found = APGD(1.0, "l1", steps=20).search(model, batch, Context(batch_size=16))
    passes = model.passes[:50]
    assert model.largest <= 50
    assert float(passes.max()) == 21
    assert set(passes[~found.fooled].tolist()) == {21.0}
    assert float(passes[found.fooled].mean()) < 20


def test_it_is_stronger_than_pgd_in_the_same_ball() -> None:
    model = Net()
    batch = pool(model, 100)
    fooled = {
        name: int((model(attack.perturb(model, batch, Context())).argmax(1) != batch.labels).sum())
        for name, attack in (("apgd", APGDTargeted(0.7, "l1", steps=30)), ("pgd", PGD(0.7, "l1", steps=30)))
    }
    assert fooled["apgd"] >= fooled["pgd"] > 10
