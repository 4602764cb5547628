"""Why torchattacks' DeepFool and CW do not find our distances: one ends on the boundary, one searches no weight."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchattacks
from torch import Tensor, nn

from anchors.attacked_digits import Plain, right_digits, trained_network
from harness.api import Context, LabelledInputs
from harness_adversarial.attacks.carlini_wagner import CarliniWagner
from harness_adversarial.attacks.ddn import DDN
from harness_adversarial.attacks.deepfool import DeepFool
from harness_vision.digit_models import DigitCNN


@pytest.fixture(scope="module")
def network() -> DigitCNN:
    return trained_network()


@pytest.fixture(scope="module")
def batch(network: DigitCNN) -> LabelledInputs:
    return right_digits(network, 32)


def library(attack: Any, batch: LabelledInputs) -> Tensor:
    attack.set_device("cpu")
    points: Tensor = attack(batch.inputs, batch.labels)
    return points


@torch.no_grad()
def margins(network: nn.Module, points: Tensor, batch: LabelledInputs) -> Tensor:
    """The lead `[n]` of the true class in logits; negative where the model is fooled."""
    logits = network(points)
    own = logits.gather(1, batch.labels[:, None]).squeeze(1)
    return own - logits.scatter(1, batch.labels[:, None], float("-inf")).amax(dim=1)


def lengths(points: Tensor, batch: LabelledInputs) -> Tensor:
    return (points - batch.inputs).flatten(1).norm(dim=1)


@pytest.mark.slow
def test_deepfool_walks_the_same_way_and_the_librarys_ends_on_the_boundary(
    network: DigitCNN, batch: LabelledInputs
) -> None:
    theirs = library(torchattacks.DeepFool(network, steps=50, overshoot=0.02), batch)
    ours = DeepFool(bisections=0).perturb(Plain(network), batch, Context())
    assert float(lengths(ours, batch).median()) == pytest.approx(float(lengths(theirs, batch).median()), rel=0.02)
    # Both come to where two logits are equal but for round-off. Ours adds 1e-6 to each step, as the authors' code does;
    # the library does not, and what fooled the model alone does not fool it in a batch: up to half of its points, and a
    # few of ours. Logits of a size of 10 that come of some eight operations have this round-off.
    round_off = 8 * 10 * torch.finfo(torch.float32).eps
    margin = margins(network, ours, batch)
    assert float(margin.max()) < round_off
    survive = network(theirs).argmax(1) == batch.labels
    assert int(survive.sum()) > 2 * int((margin >= 0).sum())
    assert float(margins(network, theirs, batch)[survive].max()) < round_off


@pytest.mark.slow
def test_carlini_wagner_is_near_the_smallest_distance_known_and_the_librarys_fixed_weight_is_not(
    network: DigitCNN, batch: LabelledInputs
) -> None:
    ours = CarliniWagner(steps=100, searches=6, learning_rate=0.05).perturb(Plain(network), batch, Context())
    theirs = library(torchattacks.CW(network, c=1, steps=100, lr=0.01), batch)
    long = DDN(steps=400).perturb(Plain(network), batch, Context())
    assert bool((margins(network, ours, batch) < 0).all())
    assert bool((margins(network, long, batch) < 0).all())
    smallest = torch.minimum(lengths(ours, batch), lengths(long, batch))
    fooled = margins(network, theirs, batch) < 0
    assert float((lengths(ours, batch) / smallest).median()) < 1.02
    assert float((lengths(theirs, batch) / smallest)[fooled].median()) > 1.1
