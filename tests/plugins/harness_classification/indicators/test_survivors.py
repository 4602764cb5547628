"""A few survivors are attacked again: masked gradients and short attacks are doubted, good attacks are not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, LabelledInputs, Outcome, Threat
from harness.api.instruments import CountedModel
from harness_adversarial.attacks.fmn import FMN
from harness_adversarial.attacks.gradient_attacks import FGSM, PGD
from harness_adversarial.attacks.square import Square
from harness_classification.classify import Classify
from harness_classification.indicators.local_gradient import surprising
from harness_classification.indicators.probes import Probe, more_steps, search_by_scores
from harness_classification.indicators.signs import Signs
from harness_classification.indicators.survivors import MOST, SurvivorCounts, SurvivorSample, joined, nearest_survivors
from harness_vision.digits import digits
from harness_vision.shipped_digits import shipped_digits


class Decoy(nn.Module):
    """The standard network with the gradient of another function."""

    def __init__(self) -> None:
        super().__init__()
        self.net = shipped_digits("standard")

    def forward(self, inputs: Tensor) -> Tensor:
        other = (inputs.flatten(1).cumsum(dim=1) * 7).sin()[:, :10]
        return self.net(inputs.detach()) + other - other.detach()


class Shattered(Decoy):
    """The standard network with a ripple too fine to see, whose gradient is all there is."""

    def forward(self, inputs: Tensor) -> Tensor:
        mixed = torch.randn(64, 10, generator=torch.Generator().manual_seed(0))
        return self.net(inputs) + 1e-2 * (1e5 * inputs.flatten(1) @ mixed).sin()


def attacked(model: nn.Module, attack: Any, batch_size: int = 128) -> Outcome:
    return Classify().run(model.eval(), digits("test"), attack, Context(batch_size=batch_size))


def names(outcome: Outcome) -> list[str]:
    return [doubt.partition(":")[0] for doubt in outcome.doubts]


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
@pytest.mark.parametrize("model", [Decoy(), Shattered()], ids=["decoy", "shattered"])
def test_masked_gradients_are_found_by_their_own_prediction_and_by_a_search_without_them(
    model: nn.Module, norm: Any
) -> None:
    eps = {"linf": 0.1, "l2": 0.5, "l1": 2.0}[norm]
    found = names(attacked(model, PGD(eps, norm, steps=5)))
    assert "gradient misleads" in found
    assert "black box finds more" in found


@pytest.mark.parametrize(("steps", "size"), [(2, 0.002), (40, 1e-4)])
def test_an_attack_that_could_not_get_far_is_incomplete_whatever_its_random_start(steps: int, size: float) -> None:
    assert names(attacked(shipped_digits(), PGD(0.1, steps=steps, step_size=size))) == ["incomplete optimisation"]


def test_cross_entropy_on_logits_that_hardly_differ_is_incomplete() -> None:
    class Faint(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = shipped_digits()

        def forward(self, inputs: Tensor) -> Tensor:
            return 1e-4 * self.net(inputs)

    (doubt,) = attacked(Faint(), PGD(0.1)).doubts
    assert doubt.startswith("incomplete optimisation")
    assert "loss margin or dlr" in doubt


@pytest.mark.parametrize("which", ["standard", "hardened", "linear"])
def test_good_attacks_on_honest_networks_are_not_doubted(which: Any) -> None:
    assert attacked(shipped_digits(which), PGD(0.1)).doubts == ()
    assert attacked(shipped_digits(which), PGD(0.5, "l2")).doubts == ()


def test_one_full_step_is_a_baseline_and_not_attacked_again() -> None:
    assert attacked(shipped_digits("hardened"), FGSM(0.3)).doubts == ()
    # From elsewhere, or less than a full one, it is not.
    assert names(attacked(shipped_digits(), PGD(0.1, steps=1, step_size=0.002))) == ["incomplete optimisation"]
    assert "incomplete optimisation" in names(
        attacked(shipped_digits(), PGD(0.1, steps=1, step_size=0.055, random_start=False))
    )


def test_attacks_for_the_smallest_distance_have_their_gradient_tested() -> None:
    assert names(attacked(Shattered(), FMN("linf", steps=5))) == ["gradient misleads"]
    assert names(attacked(shipped_digits(), FMN("linf", steps=5))) == []


def test_attacks_without_gradients_are_left_alone() -> None:
    assert attacked(Shattered(), Square(0.1, queries=5)).doubts == ()


def test_the_doubts_do_not_depend_on_the_batch_size() -> None:
    for model in (Decoy(), shipped_digits("hardened")):
        few, many = (attacked(model, PGD(0.1, steps=4), size) for size in (7, 360))
        assert few.doubts == many.doubts


def test_ties_of_a_pooling_layer_on_a_flat_background_mislead_nobody() -> None:
    """At equal pixels the gradient is that of one of them, and any step moves the largest: it predicts half or less."""

    class Pooled(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            largest = nn.functional.max_pool2d(inputs, 2).flatten(1)
            return torch.stack([largest.sum(dim=1), -largest.sum(dim=1)], dim=1)

    examples = LabelledInputs(list("abcd"), torch.zeros(4, 1, 8, 8), torch.zeros(4, dtype=torch.long))
    wrong, tested = surprising(Probe(CountedModel(Pooled(), 2, 4, "cpu"), examples, Threat("linf", 0.3), Context()))
    assert int(tested.sum()) == 4
    assert int(wrong.sum()) == 0


# --- which survivors, and at what cost -------------------------------------------------------------------------


def test_the_survivors_asked_are_those_at_three_to_twelve_in_a_hundred_by_margin() -> None:
    n = 200
    margin = torch.arange(n).flip(0).float()
    survived = torch.ones(n, dtype=torch.bool)
    rows = nearest_survivors(margin, survived, survived)
    assert len(rows) == 12
    assert margin[rows].tolist() == sorted(margin[rows].tolist())
    assert (float(margin[rows].min()), float(margin[rows].max())) == (6.0, 24.0)
    # Ten survivors in a thousand are no reason to ask.
    few = survived & (margin < 5)
    assert len(nearest_survivors(margin, few, survived)) == 0


def test_the_passes_are_a_tenth_of_those_of_twenty_steps_on_360_examples() -> None:
    model = shipped_digits("hardened")
    examples = LabelledInputs([f"e{i}" for i in range(16)], torch.rand(16, 1, 8, 8), torch.zeros(16).long())
    passes = [0]

    class Counting(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            passes[0] += len(inputs) * (2 if inputs.requires_grad else 1)
            return torch.as_tensor(model(inputs))

    probe = Probe(CountedModel(Counting(), 10, 16, "cpu"), examples, Threat("linf", 0.1), Context())
    surprising(probe)
    more_steps(probe, examples.inputs)
    search_by_scores(probe)
    assert passes[0] <= 0.1 * 360 * 40


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
@pytest.mark.parametrize("shape", [(3, 5, 7), (12,)])
def test_second_attacks_stay_within_budget_and_box(norm: Any, shape: tuple[int, ...]) -> None:
    inputs = torch.rand(4, *shape, generator=torch.Generator().manual_seed(0))
    weights = torch.randn(inputs[0].numel(), 3, generator=torch.Generator().manual_seed(1))

    class Net(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs.flatten(1) @ weights

    examples = LabelledInputs(list("abcd"), inputs, Net()(inputs).argmax(dim=1))
    probe = Probe(CountedModel(Net(), 3, 4, "cpu"), examples, Threat(norm, 0.7), Context())
    for points in (more_steps(probe, inputs), search_by_scores(probe)):
        order = {"linf": float("inf"), "l2": 2, "l1": 1}[norm]
        size = torch.linalg.vector_norm((points - inputs).flatten(1).double(), order, dim=1)
        assert float(size.max()) <= 0.7 + 1e-6
        assert float(points.min()) >= 0
        assert float(points.max()) <= 1
        assert bool((probe.asked(points) > probe.asked(inputs)).all())


# --- on both sides of every threshold -------------------------------------------------------------------------


def doubts(**counts: Any) -> list[str]:
    found = Signs(100, *[0] * 7, survived=50, unbounded=False, excess="", asked=SurvivorCounts(**counts))
    return [doubt.partition(":")[0] for doubt in found.doubts()]


def test_more_than_an_eighth_or_of_good_attacks_half_of_the_survivors_raise_a_doubt() -> None:
    assert doubts(tested=16, surprising=2) == []
    assert doubts(tested=16, surprising=3) == ["gradient misleads"]
    assert doubts(asked=16, by_scores=2) == []
    assert doubts(asked=16, by_scores=3) == ["black box finds more"]
    assert doubts(asked=16, by_more_steps=8) == []
    assert doubts(asked=16, by_more_steps=9) == ["incomplete optimisation"]
    for weak in ("short", "unsure"):
        assert doubts(asked=16, by_more_steps=2, **{weak: True}) == []
        assert doubts(asked=16, by_more_steps=3, **{weak: True}) == ["incomplete optimisation"]
    # One of a few is chance.
    assert doubts(asked=4, by_scores=1) == []


def test_what_more_steps_find_explains_what_the_search_finds() -> None:
    assert doubts(asked=16, by_scores=9, by_more_steps=12) == ["incomplete optimisation"]
    assert doubts(asked=16, by_scores=12, by_more_steps=9) == ["incomplete optimisation", "black box finds more"]


def sample(first: int, n: int) -> SurvivorSample:
    ids = [f"e{i}" for i in range(first, first + n)]
    numbers = torch.arange(first, first + n)
    return SurvivorSample(LabelledInputs(ids, numbers[:, None] / 100, numbers), numbers[:, None], numbers, numbers)


def test_survivors_of_many_windows_are_a_draw_that_does_not_depend_on_how_they_came() -> None:
    ctx = Context(seed=3)
    at_once = joined([sample(0, 10), sample(10, 10), sample(20, 10)], ctx)
    first = joined([sample(0, 10), sample(10, 10)], ctx)
    assert at_once is not None
    assert first is not None
    one_by_one = joined([first, sample(20, 10)], ctx)
    assert one_by_one is not None
    assert at_once.examples.ids == one_by_one.examples.ids
    assert len(at_once.examples) == MOST
    # In the order of the data, each with its own points and counts.
    numbers = at_once.examples.labels
    assert numbers.tolist() == sorted(numbers.tolist())
    assert max(numbers) > 20
    assert torch.equal(at_once.adversarial[:, 0], numbers)
    assert torch.equal(at_once.gradients, numbers)
    assert at_once.reached is not None
    assert torch.equal(at_once.reached, numbers)


def test_the_survivors_of_one_window_are_asked_as_they_are() -> None:
    one = sample(0, MOST + 4)
    assert joined([one], Context()) is one
    assert joined([], Context()) is None
