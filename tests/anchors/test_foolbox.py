"""FGSM, PGD and DDN against foolbox (Rauber et al. 2017): the same start and step, the same point; extra `anchors`."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from anchors.attacked_digits import Plain, right_digits, trained_network
from harness.api import Context, LabelledInputs
from harness_adversarial.attacks.ddn import DDN
from harness_adversarial.attacks.gradient_attacks import FGSM, PGD
from harness_vision.digit_models import DigitCNN

foolbox = pytest.importorskip("foolbox", reason="foolbox is not installed; it comes with the extra `anchors`")


@pytest.fixture(scope="module")
def network() -> DigitCNN:
    return trained_network()


@pytest.fixture(scope="module")
def batch(network: DigitCNN) -> LabelledInputs:
    return right_digits(network, 100)


@pytest.fixture(scope="module")
def peer(network: DigitCNN) -> Any:
    return foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")


def test_fgsm_is_the_same_point(network: DigitCNN, batch: LabelledInputs, peer: Any) -> None:
    _, expected, _ = foolbox.attacks.FGSM()(peer, batch.inputs, batch.labels, epsilons=0.1)
    found = FGSM(0.1).perturb(Plain(network), batch, Context())
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(("norm", "eps", "step"), [("linf", 0.1, 0.02), ("l2", 0.5, 0.1)])
def test_pgd_takes_the_same_steps(
    network: DigitCNN, batch: LabelledInputs, peer: Any, norm: Any, eps: float, step: float
) -> None:
    kind = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}[norm]
    library = kind(abs_stepsize=step, steps=7, random_start=False)
    _, expected, fooled = library(peer, batch.inputs, batch.labels, epsilons=eps)
    attack = PGD(eps, norm, steps=7, step_size=step, random_start=False)
    found = attack.perturb(Plain(network), batch, Context())
    with torch.no_grad():
        ours = network(found).argmax(1) != batch.labels
    # Ours ends at the first iterate that fools the model, theirs at the last.
    assert torch.equal(ours | fooled, ours)
    missed = ~ours
    assert 0 < int(missed.sum()) < len(batch)
    apart = (found - expected)[missed].flatten(1).abs().amax(dim=1)
    # Where a unit or a pooling window is at its kink, round-off says which way the gradient goes.
    assert float((apart < 1e-5).double().mean()) >= 0.95


def test_ddn_finds_the_same_distances(network: DigitCNN, batch: LabelledInputs, peer: Any) -> None:
    """Foolbox seeks by cross-entropy with no bisection, as the paper does; so do we here."""
    library = foolbox.attacks.DDNAttack(init_epsilon=1.0, steps=100, gamma=0.05)
    _, expected, fooled = library(peer, batch.inputs, batch.labels, epsilons=None)
    assert bool(fooled.all())
    theirs = (expected - batch.inputs).flatten(1).norm(dim=1)
    ours = DDN(steps=100, gamma=0.05, radius=1.0, loss="cross_entropy", bisections=0)
    found = (ours.perturb(Plain(network), batch, Context()) - batch.inputs).flatten(1).norm(dim=1)
    assert float(found.median()) == pytest.approx(float(theirs.median()), rel=0.01)
    # The search is chaotic near a boundary, by example a few percent either way.
    assert float((found / theirs - 1).abs().median()) < 0.02
