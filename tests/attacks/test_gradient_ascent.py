"""Gradient ascent: no pass on an example that is fooled, the same answer for every batch size."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, LabelledInputs
from harness.attacks.losses import adversarial_loss, is_fooled
from harness_adversarial.attacks.gradient_attacks import FGSM, PGD
from harness_adversarial.attacks.noise import UniformNoise


class Bar(nn.Module):
    """Class 1 once the mean of the inputs exceeds a bar that the first pixel says; counts passes by example."""

    def __init__(self) -> None:
        super().__init__()
        self.dummy = nn.Parameter(torch.zeros(1))
        self.seen: Counter[int] = Counter()
        self.largest = 0

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        assert rows is not None
        self.seen.update(rows.tolist())
        self.largest = max(self.largest, len(inputs))
        score = inputs[:, 0, 0, 1:].mean(1) - inputs[:, 0, 0, 0]
        return torch.stack([-score, score], dim=1)


def pool(distances: list[float]) -> LabelledInputs:
    """Inputs of class 0 whose mean must rise by these amounts to become class 1."""
    inputs = torch.full((len(distances), 1, 1, 5), 0.2)
    inputs[:, 0, 0, 0] = 0.2 + torch.tensor(distances)
    n = len(distances)
    return LabelledInputs([f"e{i}" for i in range(n)], inputs, torch.zeros(n, dtype=torch.long), high=10.0)


def bar_attack(**changes: object) -> PGD:
    """Sign steps of .1 from the clean input: the distance between bar and mean shrinks by .2 a step."""
    return PGD(**{"eps": 0.5, "steps": 4, "step_size": 0.1, "random_start": False, **changes})  # type: ignore[arg-type]


def test_an_example_costs_only_the_passes_it_needs() -> None:
    model, batch = Bar(), pool([0.1, 0.3, 0.5, 5.0])
    bar_attack().perturb(model, batch, Context(batch_size=8))
    # Fooled at the second, third and fourth iterate; the last is never fooled: 4 steps and a final look.
    assert [model.seen[i] for i in range(4)] == [2, 3, 4, 5]


def test_fooled_examples_are_returned_as_they_were_when_fooled() -> None:
    model, batch = Bar(), pool([0.1, 5.0])
    found = bar_attack().perturb(model, batch, Context(batch_size=8))
    moved = (found - batch.inputs).abs().amax((1, 2, 3))
    assert moved.tolist() == pytest.approx([0.1, 0.4], abs=1e-6)
    assert model(found, torch.arange(2)).argmax(1).tolist() == [1, 0]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
def test_batches_are_refilled_and_never_too_large(batch_size: int) -> None:
    distances = [0.1, 5.0, 0.3, 0.1, 5.0, 0.5, 0.1, 0.3, 5.0, 0.1]
    model, batch = Bar(), pool(distances)
    found = bar_attack(restarts=2, random_start=True).perturb(model, batch, Context(batch_size=batch_size))
    reference = bar_attack(restarts=2, random_start=True).perturb(Bar(), batch, Context(batch_size=10))
    assert torch.equal(found, reference)
    assert model.largest <= batch_size


def test_restarts_are_for_those_who_survive() -> None:
    model, batch = Bar(), pool([0.1, 5.0])
    bar_attack(restarts=3).perturb(model, batch, Context(batch_size=8))
    assert (model.seen[0], model.seen[1]) == (2, 15)


def test_progress_reaches_the_end() -> None:
    seen: list[tuple[int, int]] = []
    ctx = Context(batch_size=2, progress=lambda done, total: seen.append((done, total)))
    bar_attack().perturb(Bar(), pool([0.1, 5.0, 0.3]), ctx)
    assert seen[-1] == (3, 3)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_an_empty_pool() -> None:
    empty = LabelledInputs([], torch.zeros(0, 1, 1, 5), torch.zeros(0, dtype=torch.long))
    for attack in (bar_attack(), FGSM(0.1), UniformNoise(0.1, draws=2)):
        assert attack.perturb(Bar(), empty, Context()).shape == (0, 1, 1, 5)  # type: ignore[attr-defined]


def test_a_budget_of_zero_changes_nothing() -> None:
    batch = pool([0.1, 0.3])
    for attack in (PGD(0.0), PGD(0.0, "l2"), FGSM(0.0), UniformNoise(0.0), UniformNoise(0.0, "l2")):
        assert torch.equal(attack.perturb(Bar(), batch, Context()), batch.inputs)  # type: ignore[attr-defined]


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_noise_tries_until_fooled(norm: str) -> None:
    batch = pool([0.01] * 40 + [5.0] * 3)
    model = Bar()
    once = UniformNoise(0.1, norm, draws=1).perturb(model, batch, Context())  # type: ignore[arg-type]
    assert not model.seen
    often = UniformNoise(0.1, norm, draws=30).perturb(model, batch, Context())  # type: ignore[arg-type]
    rows = torch.arange(43)
    fooled_once, fooled_often = (int(model(found, rows).argmax(1).sum()) for found in (once, often))
    assert fooled_once < fooled_often == 40
    spent = [model.seen[i] - 2 for i in range(43)]
    assert spent[-3:] == [29, 29, 29]
    assert sum(spent[:40]) < 40 * 10


# --- losses ---------------------------------------------------------------------------------------------------

LOGITS = torch.tensor([[2.0, 1.0, -1.0], [0.0, 3.0, 1.0]])
LABELS = torch.tensor([0, 2])


def test_losses_by_hand() -> None:
    entropy = adversarial_loss(LOGITS, LABELS, None, "cross_entropy")
    assert entropy.tolist() == pytest.approx((-LOGITS.log_softmax(1)[[0, 1], [0, 2]]).tolist())
    assert adversarial_loss(LOGITS, LABELS, None, "margin").tolist() == [-1.0, 2.0]
    targets = torch.tensor([1, 1])
    assert adversarial_loss(LOGITS, LABELS, targets, "margin").tolist() == [-1.0, 2.0]
    goal = adversarial_loss(LOGITS, LABELS, targets, "cross_entropy")
    assert goal.tolist() == pytest.approx(LOGITS.log_softmax(1)[[0, 1], [1, 1]].tolist())
    assert is_fooled(LOGITS, LABELS, None).tolist() == [False, True]
    assert is_fooled(LOGITS, LABELS, targets).tolist() == [False, True]


@pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
@pytest.mark.parametrize("shift", [-50.0, 50.0])
def test_adding_a_constant_to_all_logits_changes_nothing(loss: str, shift: float) -> None:
    plain = adversarial_loss(LOGITS, LABELS, None, loss)  # type: ignore[arg-type]
    shifted = adversarial_loss(LOGITS + shift, LABELS, None, loss)  # type: ignore[arg-type]
    assert shifted.tolist() == pytest.approx(plain.tolist(), abs=1e-5)


def test_the_margin_has_a_gradient_where_cross_entropy_has_none() -> None:
    """Logits of a hundred: cross-entropy's gradient is 0 in float32, and an attack that follows it stands still."""
    slopes = {}
    for loss in ("cross_entropy", "margin"):
        logits = torch.tensor([[200.0, 0.0]], requires_grad=True)
        adversarial_loss(logits, torch.tensor([0]), None, loss).sum().backward()  # type: ignore[arg-type]
        assert logits.grad is not None
        slopes[loss] = float(logits.grad.abs().sum())
    assert slopes == {"cross_entropy": 0.0, "margin": 2.0}
