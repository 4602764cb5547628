"""Auto-PGD: its checkpoints, its step sizes, its losses, and the same answer for every batch size."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, LabelledInputs
from harness.api.attacks import dlr, likeliest_others, log_odds, targeted_dlr
from harness_adversarial.attacks.apgd import APGD, APGDTargeted, checkpoints
from harness_vision.digits import digits

LOGITS = torch.tensor([[4.0, 1.0, -1.0, 0.0], [0.0, 3.0, 1.0, 2.5]])
LABELS = torch.tensor([0, 2])


class Net(nn.Module):
    """A small untrained network whose logits are scaled and shifted."""

    def __init__(self, scale: float = 1.0, shift: float = 0.0, classes: int = 10) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, classes))
        self.scale, self.shift = scale, shift
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
        return logits * self.scale + self.shift


def pool(model: nn.Module, n: int = 60) -> LabelledInputs:
    """Digits, labelled with what the model says."""
    data = digits("test")
    inputs = torch.as_tensor(data.columns["inputs"])[:n]
    return LabelledInputs(list(data.ids[:n]), inputs, model(inputs).argmax(1))


def missed(model: nn.Module, found: Tensor, batch: LabelledInputs) -> Tensor:
    return torch.as_tensor(model(found).argmax(1) == batch.labels)


def test_checkpoints_of_the_paper() -> None:
    """p = 0, .22, .41, .57, .70, .80, .87, .93, .99 by the recursion of section 3.2."""
    assert checkpoints(100) == [0, 22, 41, 57, 70, 80, 87, 93, 99]
    assert checkpoints(10) == [0, 3, 5, 6, 7, 8, 9, 10]


def test_losses_by_hand() -> None:
    assert dlr(LOGITS, LABELS).tolist() == pytest.approx([-(4 - 1) / (4 - 0), -(1 - 3) / (3 - 1)])
    targets = torch.tensor([3, 0])
    expected = [-(4 - 0) / (4 - (0 - 1) / 2), -(1 - 0) / (3 - (1 + 0) / 2)]
    assert targeted_dlr(LOGITS, LABELS, targets).tolist() == pytest.approx(expected)
    probability = LOGITS.softmax(1)[[0, 1], LABELS]
    assert log_odds(LOGITS, LABELS).tolist() == pytest.approx(
        ((1 - probability) / probability).log().tolist(), abs=1e-5
    )
    assert likeliest_others(LOGITS, LABELS, 9).tolist() == [[1, 3, 2], [1, 3, 0]]


@pytest.mark.parametrize("classes", [2, 3])
def test_losses_with_few_classes_are_finite(classes: int) -> None:
    logits = torch.zeros(2, classes)
    for values in (dlr(logits, LABELS % 2), targeted_dlr(logits, LABELS % 2, torch.ones(2, dtype=torch.long))):
        assert values.tolist() == [0.0, 0.0]


def test_log_odds_keep_a_gradient_where_the_model_is_sure() -> None:
    logits = torch.tensor([[500.0, 0.0, -3.0]], requires_grad=True)
    log_odds(logits, torch.tensor([0])).sum().backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] == -1.0
    assert logits.grad[0, 1] > 0.9


class Slope(nn.Module):
    """Class 0 for every input; the loss rises with x up to .35 and falls beyond it."""

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        away = (inputs.flatten(1) - 0.35).abs().sum(1)
        self.seen = [*getattr(self, "seen", []), float(inputs.detach().flatten()[0])]
        return torch.stack([1 + away, torch.zeros_like(away)], dim=1)


def test_the_step_size_halves_until_the_maximum_is_found() -> None:
    """At first steps of 2 eps leap over the maximum at .35 from end to end; at the last checkpoint they hit it."""
    model = Slope()
    batch = LabelledInputs(["a"], torch.full((1, 1, 1, 1), 0.3), torch.zeros(1, dtype=torch.long))
    found = APGD(0.1).perturb(model, batch, Context())
    assert len(model.seen) == 101
    assert float(found) == pytest.approx(0.35, abs=0.001)
    misses = [max(abs(value - 0.35) for value in model.seen[k : k + 3]) for k in (10, 30, 50, 64, 76, 97)]
    assert misses == sorted(misses, reverse=True)
    assert misses[0] > 0.05 > 0.003 > misses[-1]


class Bowl(nn.Module):
    """Class 0 for every input of two pixels; the loss is highest at (.52, .47), where it falls to all sides."""

    peak = torch.tensor([0.52, 0.47])

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        self.seen.append(inputs.detach().clone())
        away = (inputs.flatten(1) - self.peak).square().sum(1)
        return torch.stack([1 + away, torch.zeros_like(away)], dim=1)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_first_iterates_are_those_of_the_paper(norm: str) -> None:
    """Algorithm 1, lines 4 to 8 with eta = 2 eps: x1 = P(x0 + eta s(x0)); z = P(x1 + eta s(x1)) and
    x2 = P(x1 + 3/4 (z - x1) + 1/4 (x1 - x0)), with s the sign of the gradient or its direction and P the projection."""
    eps, clean = 0.1, torch.full((20, 1, 1, 2), 0.5)
    model = Bowl()
    batch = LabelledInputs([f"e{i}" for i in range(20)], clean, torch.zeros(20, dtype=torch.long))
    APGD(eps, norm, steps=10).perturb(model, batch, Context())  # type: ignore[arg-type]
    x0, x1, x2 = (seen.flatten(1) for seen in model.seen[:3])

    def inside(point: Tensor) -> Tensor:
        offset = point - 0.5
        if norm == "linf":
            return 0.5 + offset.clamp(-eps, eps)
        length = offset.norm(dim=1, keepdim=True)
        return 0.5 + offset * (eps / length).clamp(max=1)

    def step(point: Tensor) -> Tensor:
        uphill = model.peak - point
        return 2 * eps * (uphill.sign() if norm == "linf" else uphill / uphill.norm(dim=1, keepdim=True))

    assert torch.allclose(inside(x0), x0, atol=1e-6)
    assert (x0[:10] != x0[10:]).all()
    assert torch.allclose(x1, inside(x0 + step(x0)), atol=1e-6)
    z = inside(x1 + step(x1))
    assert torch.allclose(x2, inside(x1 + 0.75 * (z - x1) + 0.25 * (x1 - x0)), atol=1e-6)
    # A step of 2 eps crosses the whole ball, half of it does not.
    halves = inside(x0 + step(x0) / 2)
    assert not torch.allclose(x1, halves, atol=0.01)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("attack", [APGD, APGDTargeted])
def test_the_answer_does_not_depend_on_the_batch(attack: Any, norm: str) -> None:
    eps = 0.03 if norm == "linf" else 0.15
    model = Net()
    batch = pool(model, 10)
    answers = []
    for batch_size in (1, 3, 64):
        model.largest = 0
        found = attack(eps, norm, steps=8).perturb(model, batch, Context(batch_size=batch_size))
        assert model.largest <= batch_size
        answers.append(found)
    order = list(range(9, -1, -1))
    turned = LabelledInputs([batch.ids[i] for i in order], batch.inputs[order], batch.labels[order])
    answers.append(attack(eps, norm, steps=8).perturb(model, turned, Context(batch_size=64))[order])
    assert all(torch.equal(answers[0], other) for other in answers[1:])
    assert 0 < int(missed(model, answers[0], batch).sum()) < 10


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_every_point_is_within_the_budget_and_the_box(norm: str) -> None:
    model = Net()
    batch = pool(model)
    found = APGD(0.3, norm, steps=10, restarts=2).perturb(model, batch, Context())  # type: ignore[arg-type]
    offset = (found - batch.inputs).flatten(1)
    size = offset.abs().amax(1) if norm == "linf" else offset.norm(dim=1)
    assert float(size.max()) <= 0.3 + 1e-6
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


@pytest.mark.parametrize(
    "attack", [APGD(0.05, steps=20), APGD(0.05, loss="dlr", steps=20), APGDTargeted(0.05, steps=20)]
)
def test_scaled_or_shifted_logits_hide_nothing(attack: Any) -> None:
    plain = Net()
    batch = pool(plain)
    survivors = missed(plain, attack.perturb(plain, batch, Context()), batch)
    assert 0 < int(survivors.sum()) < 60
    for other in (Net(scale=128.0), Net(shift=-50.0)):
        left = missed(plain, attack.perturb(other, batch, Context()), batch)
        # Of larger logits cross-entropy is another loss, nearer to the margin; but its gradient does not vanish.
        assert int((left & ~survivors).sum()) <= 1


def test_a_fooled_example_costs_nothing_more() -> None:
    model = Net()
    batch = pool(model)
    found = APGD(0.05, steps=20, restarts=2).perturb(model, batch, Context())
    survivors = missed(model, found, batch)
    passes = model.passes[:60]
    assert set(passes[survivors].tolist()) == {42.0}
    assert float(passes[~survivors].mean()) < 15


class Coin(nn.Module):
    """The true class on average, but a random one at each pass."""

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        score = 0.2 + torch.randn(len(inputs)) + 0 * inputs.flatten(1).sum(1)
        return torch.stack([score, -score], dim=1)


def test_a_random_model_is_judged_by_its_mean_over_the_draws() -> None:
    torch.manual_seed(0)
    batch = LabelledInputs(
        [str(i) for i in range(50)], torch.full((50, 1, 1, 1), 0.5), torch.zeros(50, dtype=torch.long)
    )
    once = APGD(0.1, steps=2).search(Coin(), batch, Context()).fooled
    often = APGD(0.1, steps=2, eot=400).search(Coin(), batch, Context()).fooled
    assert int(once.sum()) > 25
    assert int(often.sum()) == 0


def test_an_empty_pool_and_a_budget_of_zero() -> None:
    model = Net()
    empty = LabelledInputs([], torch.zeros(0, 1, 8, 8), torch.zeros(0, dtype=torch.long))
    batch = pool(model, 5)
    for kind in (APGD, APGDTargeted):
        assert kind(0.1).perturb(model, empty, Context()).shape == (0, 1, 8, 8)
        assert torch.equal(kind(0.0, steps=2).perturb(model, batch, Context()), batch.inputs)


class Broken(Net):
    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        return super().forward(inputs, rows) * float("nan")


def test_a_model_that_is_not_finite_is_left_to_the_core() -> None:
    """The point where it happens comes back, not a clean input that would count as robust."""
    batch = pool(Net(), 5)
    found = APGD(0.1, steps=3).perturb(Broken(), batch, Context())
    assert not torch.equal(found, batch.inputs)
