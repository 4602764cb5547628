"""Ensembles, dropout and their common arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from anchors.small_networks import Network
from harness.api import NotApplicable
from harness_uncertainty.methods.dropout import MCDropout
from harness_uncertainty.methods.ensemble import DeepEnsemble
from harness_uncertainty.methods.predictive import disagreement, mixture_logits


def test_the_mixture_is_the_mean_of_probabilities_and_keeps_the_energy() -> None:
    torch.manual_seed(0)
    members = 3 * torch.randn(4, 6, 5)
    found = mixture_logits(members)
    assert torch.allclose(found.softmax(1), members.softmax(2).mean(0), atol=1e-6)
    assert torch.allclose(found.logsumexp(1), members.logsumexp(2).mean(0), atol=1e-5)


def test_two_members_that_are_sure_of_different_classes() -> None:
    """The mean is even: all of its entropy, ln 2, is disagreement. If both waver, none is."""
    split = disagreement(torch.tensor([[[40.0, 0.0], [0.0, 0.0]], [[0.0, 40.0], [0.0, 0.0]]]))
    assert split["mutual_information"].tolist() == pytest.approx([np.log(2), 0.0])
    assert split["expected_entropy"].tolist() == pytest.approx([0.0, np.log(2)])


def test_an_ensemble_averages_its_members() -> None:
    members = {f"m{i}": Network(seed=i) for i in range(3)}
    inputs = torch.randn(9, 2)
    model = DeepEnsemble(members, members=3)
    expected = torch.stack([m(inputs).softmax(1) for m in members.values()]).mean(0)
    assert torch.allclose(model(inputs).softmax(1), expected, atol=1e-6)
    assert (model.uncertainty(inputs)["mutual_information"] > 0).all()
    assert len(list(model.parameters())) == 3 * 4


def test_an_ensemble_of_one_checkpoint_is_none() -> None:
    with pytest.raises(NotApplicable, match="2 members of the ensemble are the same"):
        DeepEnsemble({"a": Network(), "b": Network()}, members=2)


def test_masks_belong_to_the_pass_and_not_to_the_example() -> None:
    torch.manual_seed(0)
    model, inputs = MCDropout(Network(dropout=0.5, width=64), passes=4), torch.randn(20, 2)
    whole = model.member_logits(inputs)
    assert torch.equal(whole, model.member_logits(inputs)), "every call draws the same networks"
    assert not torch.allclose(whole[0], whole[1])
    parts = torch.cat([model.member_logits(inputs[i : i + 4]) for i in range(0, 20, 4)], dim=1)
    assert torch.allclose(parts, whole, atol=1e-6)
    alike = model.member_logits(inputs[:1].expand(20, -1))
    assert torch.allclose(alike, alike[:, :1].expand_as(alike), atol=1e-6)


def test_the_mean_over_masks_of_a_linear_network_is_the_network() -> None:
    """Units that are kept count 1 / (1 - p): without a nonlinearity behind, the mean is what no mask gives."""
    torch.manual_seed(1)
    network = Network(dropout=0.3, width=16)
    model, inputs = MCDropout(network, passes=4000), torch.randn(5, 2)
    mean, error = model.member_logits(inputs).mean(0), model.member_logits(inputs).std(0) / 4000**0.5
    assert ((mean - network(inputs)).abs() < 4 * error + 1e-6).all()


def test_the_network_inside_is_left_as_it_was() -> None:
    network, inputs = Network(dropout=0.5), torch.randn(5, 2)
    before = network(inputs)
    MCDropout(network, passes=3)(inputs)
    assert torch.equal(network(inputs), before)
    assert not network.layers[2]._forward_hooks


def test_masks_follow_the_seed_of_the_build() -> None:
    network, inputs, found = Network(dropout=0.5, width=64), torch.randn(5, 2), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(MCDropout(network, passes=3)(inputs))
    assert torch.equal(found[0], found[1])
    assert not torch.allclose(found[0], found[2])


def test_channels_are_left_out_as_a_whole() -> None:
    network = nn.Sequential(nn.Dropout2d(0.5)).eval()
    torch.manual_seed(0)
    model = MCDropout(network, passes=2)
    with model._masked(0):
        kept = network(torch.ones(3, 64, 2, 2))
    assert torch.equal(kept, kept[:1, :, :1, :1].expand_as(kept))
    assert set(kept.unique().tolist()) == {0.0, 2.0}


@pytest.mark.parametrize(
    ("network", "told"),
    [(Network(dropout=0.0), "needs a network with dropout"), (nn.AlphaDropout(0.5), "no masks for AlphaDropout")],
)
def test_what_has_no_dropout_does_not_fit(network: nn.Module, told: str) -> None:
    with pytest.raises(NotApplicable, match=told):
        MCDropout(network)
