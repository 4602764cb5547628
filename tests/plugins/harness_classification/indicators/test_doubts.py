"""Every sign of attack failure is seen on a model or an attack that shows it, and not on healthy ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, Examples, GradientAccess, LabelledInputs, Norm, Outcome, Threat
from harness_adversarial.attacks.gradient_attacks import FGSM, PGD
from harness_adversarial.attacks.noise import UniformNoise
from harness_classification.classify import Classify
from harness_classification.indicators.signs import Signs
from harness_classification.indicators.watch import AttackWatch

N, SIDE, CLASSES = 64, 6, 3
EPS = 0.03


class Linear(nn.Module):
    """A linear classifier; `scale` sharpens its softmax and moves no decision."""

    def __init__(self, scale: float = 10.0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.weights = nn.Parameter(torch.randn(SIDE * SIDE, CLASSES, generator=generator) / SIDE)
        self.scale = scale

    def forward(self, inputs: Tensor) -> Tensor:
        return self.scale * (inputs.flatten(1) - 0.5) @ self.weights


class Quantised(Linear):
    """Rounds its inputs to nine levels, which no gradient passes."""

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward((inputs * 8).round() / 8)


class RandomResize(Linear):
    """Shrinks its inputs to a random size and back (Xie et al. 2018)."""

    def forward(self, inputs: Tensor) -> Tensor:
        size = int(torch.randint(3, SIDE, ()))
        small = nn.functional.interpolate(inputs, size=size, mode="bilinear")
        return super().forward(nn.functional.interpolate(small, size=SIDE, mode="bilinear"))


class Exploding(Linear):
    """The same answers, with gradients 1e12 times as large."""

    def forward(self, inputs: Tensor) -> Tensor:
        steep = inputs * 1e12
        return super().forward(inputs + (steep - steep.detach()))


class TwoFaced(Linear):
    """Answers otherwise while somebody takes gradients."""

    def forward(self, inputs: Tensor) -> Tensor:
        logits = super().forward(inputs)
        return logits.roll(1, dims=1) if torch.is_grad_enabled() else logits


class Deaf(nn.Module):
    """Says the first class whatever it is shown."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.flatten(1).sum(1, keepdim=True) * 1e-9 + torch.tensor([1.0, 0.0, -1.0])


def judged(model: nn.Module, attack: Any, batch_size: int = 128, labels: Tensor | None = None) -> Outcome:
    inputs = torch.rand(N, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        true = Linear()(inputs).argmax(1) if labels is None else labels
    columns = {"inputs": inputs.numpy(), "labels": true.numpy()}
    data = Examples([f"e{i}" for i in range(N)], columns, facts={"classes": ["a", "b", "c"], "box": [0.0, 1.0]})
    return Classify().run(model.eval(), data, attack, Context(batch_size=batch_size))


def names(outcome: Outcome) -> list[str]:
    return [doubt.partition(":")[0] for doubt in outcome.doubts]


class Scripted:
    """An attack that moves against the true class by steps of its own choice."""

    def __init__(self, steps: Callable[[Tensor, Tensor], list[Tensor]], answer: int, eps: float = EPS) -> None:
        self.steps, self.answer, self.threat = steps, answer, Threat("linf", eps)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        inputs = batch.inputs.clone().requires_grad_(True)
        loss = nn.functional.cross_entropy(model(inputs), batch.labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, inputs)
        points = [point.clamp(0, 1) for point in self.steps(batch.inputs, gradient.sign())]
        with torch.no_grad():
            for point in points:
                model(point)
        return points[self.answer]


@pytest.mark.parametrize(
    "attack", [PGD(EPS, steps=10), PGD(0.15, norm="l2", steps=10), FGSM(EPS), UniformNoise(EPS), PGD(1.0, steps=10)]
)
def test_nothing_is_wrong_with_a_linear_model(attack: Any) -> None:
    outcome = judged(Linear(), attack)
    assert outcome.doubts == ()
    assert not any(outcome.records["silent_success"])


def test_some_survive_the_healthy_attack_so_that_signs_could_show() -> None:
    outcomes = judged(Linear(), PGD(EPS, steps=10)).records["outcome"]
    assert N / 4 < outcomes.count("robust") < 3 * N / 4


def test_a_saturated_softmax_has_no_gradients_under_cross_entropy_and_has_them_under_the_margin() -> None:
    saturated = judged(Linear(1e5), PGD(EPS, steps=10))
    assert "zero gradients" in names(saturated)
    # Without a gradient there is no step either, and no point is nearer to success.
    assert saturated.records["zero_gradients"].sum() > 0.9 * saturated.records["backward_passes"].sum()
    assert judged(Linear(1e5), PGD(EPS, steps=10, loss="margin")).doubts == ()


def test_quantised_inputs_have_no_gradients() -> None:
    outcome = judged(Quantised(), PGD(EPS, steps=10))
    assert "zero gradients" in names(outcome)
    assert outcome.records["zero_gradients"].tolist() == outcome.records["backward_passes"].tolist()


def test_a_random_resize_model_is_stochastic_unless_the_attack_averages() -> None:
    attack = PGD(EPS, steps=3)
    assert "stochastic model" in names(judged(RandomResize(), attack))
    attack.averages = True  # type: ignore[attr-defined]
    assert "stochastic model" not in names(judged(RandomResize(), attack))


def test_exploding_gradients() -> None:
    outcome = judged(Exploding(), FGSM(EPS))
    assert names(outcome) == ["exploding gradients"]
    assert outcome.records["exploding_gradients"].sum() > 0.9 * N
    assert set(outcome.records["exploding_gradients"].tolist()) <= {0.0, 1.0}


def test_a_point_that_fools_and_is_not_returned_is_a_silent_success() -> None:
    outcome = judged(Linear(), Scripted(lambda x, step: [x + EPS * step, x], answer=-1))
    assert names(outcome) == ["silent success"]
    found = judged(Linear(), FGSM(EPS)).records["success"]
    assert outcome.records["silent_success"].tolist() == list(found)
    assert judged(Linear(), Scripted(lambda x, step: [x, x + EPS * step], answer=-1)).doubts == ()


def test_a_point_beyond_the_budget_is_no_silent_success() -> None:
    outcome = judged(Linear(), Scripted(lambda x, step: [x + 0.5 * step, x + EPS * step], answer=-1))
    assert outcome.doubts == ()


def test_a_model_that_answers_the_attack_otherwise_makes_its_steps_useless() -> None:
    class Asks(Scripted):
        def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
            inputs = batch.inputs.clone().requires_grad_(True)
            model(inputs)
            return batch.inputs.clone()

    outcome = judged(TwoFaced(), Asks(lambda x, step: [x], answer=0))
    assert "steps do not transfer" in names(outcome)
    assert "silent success" not in names(outcome)


def test_tiny_steps_leave_the_budget_unused() -> None:
    found = names(judged(Linear(), PGD(EPS, steps=3, step_size=1e-4, random_start=False)))
    assert found == ["unreached budget", "incomplete optimisation"]
    reached = judged(Linear(), PGD(EPS, steps=3)).records["reached"]
    assert max(reached) == pytest.approx(EPS, abs=1e-6)


def test_an_attack_that_goes_the_wrong_way() -> None:
    outcome = judged(Linear(), Scripted(lambda x, step: [x - EPS * step], answer=0))
    assert names(outcome) == ["loss not improving"]


def test_survivors_of_an_unbounded_budget() -> None:
    outcome = judged(Deaf(), UniformNoise(1.0), labels=torch.zeros(N, dtype=torch.long))
    assert names(outcome) == ["unbounded budget"]
    assert judged(Deaf(), UniformNoise(0.5), labels=torch.zeros(N, dtype=torch.long)).doubts == ()


@pytest.mark.parametrize("model", [Linear(), Linear(1e5), Quantised()])
def test_signs_do_not_depend_on_the_batch_size(model: nn.Module) -> None:
    one, other = (judged(model, PGD(EPS, steps=5, restarts=2), size) for size in (7, 64))
    assert one.doubts == other.doubts
    for column in ("zero_gradients", "exploding_gradients", "silent_success", "reached"):
        assert list(one.records[column]) == list(other.records[column])


def test_rows_that_cannot_be_told_apart_raise_no_doubt() -> None:
    class Subset(Scripted):
        def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
            model(1 - batch.inputs[: len(batch) // 2])
            return batch.inputs.clone()

    assert judged(Linear(), Subset(lambda x, step: [x], answer=0)).doubts == ()


def test_a_random_model_is_judged_by_its_mean_under_an_attack_that_averages() -> None:
    """One answer in five is wrong: a single draw would call a fifth of the examples wrong, the mean of 20 none."""

    class Unsteady(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            right = torch.rand(len(inputs)) >= 0.2
            return torch.stack([right.float() * 6 - 3, 3 - right.float() * 6], dim=1)

    class Nothing:
        threat = Threat("linf", 0.1)

        def __init__(self, averages: bool) -> None:
            self.averages = averages

        def perturb(self, model: object, batch: LabelledInputs, ctx: Context) -> Tensor:
            return batch.inputs

    n = 200
    data = Examples(
        [f"e{i}" for i in range(n)],
        {"inputs": np.full((n, 1, 2, 2), 0.5, dtype=np.float32), "labels": np.zeros(n, dtype=np.int64)},
        facts={"classes": ["a", "b"]},
    )
    outcome = Classify().run(Unsteady(), data, Nothing(averages=True), Context())  # type: ignore[arg-type]
    assert sum(outcome.records["correct"]) >= n - 3
    assert not any(outcome.records["success"])
    assert not any("stochastic" in doubt for doubt in outcome.doubts)
    once = Classify().run(Unsteady(), data, Nothing(averages=False), Context())  # type: ignore[arg-type]
    assert 0.7 * n <= sum(once.records["correct"]) <= 0.9 * n
    assert any("stochastic" in doubt for doubt in once.doubts)


# --- on both sides of every threshold -------------------------------------------------------------------------


def signs(attacked: int = 100, *, survived: int = 0, unbounded: bool = False, **counts: int) -> list[str]:
    """The names of the doubts that these counts of examples raise."""
    none = dict.fromkeys(("silent", "vanished", "elsewhere", "blind", "exploded", "short", "stuck"), 0)
    found = Signs(attacked, **{**none, **counts}, survived=survived, unbounded=unbounded, excess="")
    return [doubt.partition(":")[0] for doubt in found.doubts()]


@pytest.mark.parametrize(
    ("count", "tolerated", "name"),
    [
        ("silent", 1, "silent success"),
        ("vanished", 1, "steps do not transfer"),
        ("elsewhere", 5, "transfer fails"),
        ("blind", 5, "zero gradients"),
        ("exploded", 5, "exploding gradients"),
        ("short", 5, "unreached budget"),
        ("stuck", 5, "loss not improving"),
    ],
)
def test_a_doubt_begins_above_one_or_five_in_a_hundred(count: str, tolerated: int, name: str) -> None:
    assert signs(**{count: tolerated}) == []
    assert signs(**{count: tolerated + 1}) == [name]
    # It is a share of the attacked examples.
    assert signs(200, **{count: 2 * tolerated}) == []
    assert signs(50, **{count: tolerated}) == [name]


def test_a_loss_that_does_not_improve_must_be_that_of_most_survivors() -> None:
    assert signs(stuck=10, survived=20) == []
    assert signs(stuck=11, survived=20) == ["loss not improving"]


def test_one_survivor_in_a_hundred_of_an_unbounded_budget_is_allowed() -> None:
    assert signs(survived=1, unbounded=True) == []
    assert signs(survived=2, unbounded=True) == ["unbounded budget"]
    assert signs(survived=2, unbounded=False) == []


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_half_of_what_the_budget_allows_must_be_used(norm: Norm) -> None:
    """Two inputs of four pixels at .5, so that a budget of .4 stays within the box; one goes .49 of it, one .51."""
    inputs = torch.full((2, 1, 2, 2), 0.5)
    watch = AttackWatch(LabelledInputs(["a", "b"], inputs, torch.zeros(2).long()), None, Threat(norm, 0.4), 1e-6)
    length = torch.tensor([0.49, 0.51]) * 0.4 / {"linf": 1, "l2": 2, "l1": 4}[norm]
    logits = torch.tensor([[1.0, 0.0]] * 2)
    seen = watch.seen(inputs + length.reshape(2, 1, 1, 1), logits, logits)
    assert seen.short.tolist() == [True, False]
    assert seen.reached is not None
    assert seen.reached.tolist() == pytest.approx([0.49 * 0.4, 0.51 * 0.4], abs=1e-6)


def test_half_of_what_the_box_leaves_must_be_used() -> None:
    """At .5 nothing is farther than .5, so that of a budget of .8 no more than .5 can be used and .25 is enough."""
    inputs = torch.full((2, 1, 2, 2), 0.5)
    watch = AttackWatch(LabelledInputs(["a", "b"], inputs, torch.zeros(2).long()), None, Threat("linf", 0.8), 1e-6)
    logits = torch.tensor([[1.0, 0.0]] * 2)
    seen = watch.seen(inputs + torch.tensor([0.24, 0.26]).reshape(2, 1, 1, 1), logits, logits)
    assert seen.short.tolist() == [True, False]


def test_an_attack_that_uses_less_than_half_of_its_budget_is_suspect() -> None:
    def doubts(share: float) -> list[str]:
        return names(judged(Linear(), Scripted(lambda x, step: [x + share * EPS * step], answer=0)))

    # Inputs at the edge of the box use less than the step, hence not closer to one half than this.
    assert "unreached budget" in doubts(0.45)
    assert "unreached budget" not in doubts(0.55)
