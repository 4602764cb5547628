"""The Laplace approximation of the last layer."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from anchors.small_networks import Network, points, splits, trained
from harness.api import Context, HarnessError, InvalidOutput, NotApplicable
from harness_uncertainty.methods.laplace import (
    LaplaceLastLayer,
    best_prior_precision,
    gauss_newton,
    most_likely_precision,
    probit_logits,
)

DATA = splits(train=60, validation=50)


def fitted(**how: object) -> LaplaceLastLayer:
    torch.manual_seed(0)
    model = LaplaceLastLayer(trained(), **how)  # type: ignore[arg-type]
    model.fit(DATA, Context())
    return model.eval()


def test_the_curvature_is_the_hessian_of_the_loss() -> None:
    """For a linear layer under cross-entropy the generalised Gauss-Newton matrix is the Hessian."""
    torch.manual_seed(0)
    features, weights = torch.randn(15, 4).double(), torch.randn(3, 4).double()
    labels = torch.randint(3, (15,))
    hessian = torch.autograd.functional.hessian(
        lambda w: nn.functional.cross_entropy(features @ w.T, labels, reduction="sum"), weights
    )
    found = gauss_newton(features, (features @ weights.T).softmax(1))
    assert torch.allclose(found, hessian.reshape(12, 12))


def test_the_posterior_is_the_inverse_of_curvature_and_prior() -> None:
    model = fitted(prior_precision=2.0)
    features = torch.cat([model._last.features(points(DATA("train")))[0], torch.ones(60, 1)], 1).double()
    curvature = gauss_newton(features, (features @ model._last.weights.double().T).softmax(1))
    expected = torch.linalg.inv(curvature + 2.0 * torch.eye(27).double())
    assert torch.allclose(model.covariance.reshape(27, 27).double(), expected, atol=1e-6)


def test_draws_have_mean_and_covariance_of_the_posterior() -> None:
    model = fitted(prior_precision=2.0, draws=20_000)
    flat = model.posterior_draws.reshape(20_000, 27)
    spread = model.covariance.reshape(27, 27)
    deviations = spread.diagonal().sqrt()
    assert ((flat.mean(0) - model._last.weights.flatten()) / deviations).abs().max() < 5 / math.sqrt(20_000)
    assert ((torch.cov(flat.T) - spread) / torch.outer(deviations, deviations)).abs().max() < 0.05


def test_the_evidence_of_one_weight_by_its_closed_form() -> None:
    """d w^2 / 2 + log(h + d) / 2 - log(d) / 2 is least where w^2 + 1 / (h + d) = 1 / d."""
    found = best_prior_precision(torch.tensor([[4.0]]).double(), torch.tensor([[0.7]]).double())
    assert 0.49 + 1 / (4 + found) == pytest.approx(1 / found, rel=1e-4)


def test_probit_against_the_integral_for_two_classes() -> None:
    """MacKay's approximation of E sigmoid(z), z ~ N(m, s^2), is within .02; both classes get half the variance."""
    grid = torch.linspace(-12, 12, 20_001).double()
    normal = torch.exp(-(grid**2) / 2) / math.sqrt(2 * math.pi)
    for mean, deviation in ((0.5, 1.0), (2.0, 2.0), (-1.0, 3.0)):
        exact = float(torch.trapezoid(torch.sigmoid(mean + deviation * grid) * normal, grid))
        scaled = probit_logits(torch.tensor([[mean]]), torch.ones(1, 1), torch.tensor([[[deviation**2]]]))
        assert float(torch.sigmoid(scaled)) == pytest.approx(exact, abs=0.02)


def test_monte_carlo_and_probit_agree_where_the_posterior_is_narrow() -> None:
    inputs = points(DATA("validation"))
    probit = fitted(prior_precision=1e4)(inputs).softmax(1)
    sampled = fitted(prior_precision=1e4, predictive="monte_carlo", draws=2000)(inputs).softmax(1)
    assert (probit - sampled).abs().max() < 0.01


def test_far_from_the_data_it_is_less_sure() -> None:
    model = fitted(prior_precision=1.0)
    near, far = points(DATA("train")), 20 * points(DATA("train"))
    assert model(far).softmax(1).amax(1).mean() < model.model(far).softmax(1).amax(1).mean() - 0.05
    assert model.uncertainty(far)["mutual_information"].mean() > model.uncertainty(near)["mutual_information"].mean()


def test_the_precision_is_chosen_by_held_out_likelihood_or_evidence() -> None:
    by_validation, by_evidence = fitted(), fitted(chosen_by="evidence")
    assert by_validation.split == "validation"
    assert by_evidence.split is None
    assert float(by_validation.chosen_precision) != float(by_evidence.chosen_precision)
    labels = torch.as_tensor(DATA("validation").take(range(50))["labels"])
    inputs = points(DATA("validation"))

    def loss(model: LaplaceLastLayer) -> float:
        return float(nn.functional.cross_entropy(model(inputs), labels))

    chosen = float(by_validation.chosen_precision)
    for factor in (0.1, 10.0):
        assert loss(by_validation) <= loss(fitted(prior_precision=factor * chosen)) + 1e-6


def test_a_grid_of_precisions_is_searched() -> None:
    curvature, mode = torch.eye(4).double(), torch.tensor([[9.0, 0.0], [0.0, 9.0]]).double()
    features, right = torch.eye(2).double(), torch.tensor([0, 1])
    assert most_likely_precision(curvature, mode, features, right) == pytest.approx(1e6)
    assert most_likely_precision(curvature, mode, features, 1 - right) == pytest.approx(1e-2)


def test_a_layer_without_bias() -> None:
    network = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3, bias=False)).eval().requires_grad_(False)
    model = LaplaceLastLayer(network, prior_precision=1.0)
    model.fit(DATA, Context())
    inputs = points(DATA("validation"))
    assert torch.isfinite(model(inputs)).all()
    assert model.member_logits(inputs).mean(0).sub(network(inputs)).abs().max() < 1.0


def test_state_goes_into_the_store_and_back() -> None:
    first, second = fitted(), LaplaceLastLayer(Network())
    second.load_state_dict(first.state_dict())
    inputs = points(DATA("validation"))
    assert torch.equal(first(inputs), second.eval()(inputs))


def test_what_does_not_end_in_a_linear_layer_does_not_fit() -> None:
    with pytest.raises(NotApplicable, match="this one has none"):
        LaplaceLastLayer(nn.ReLU())
    with pytest.raises(InvalidOutput, match="something follows it"):
        LaplaceLastLayer(Network(scale=3.0)).fit(DATA, Context())
    with pytest.raises(NotApplicable, match="20200 weights"):
        LaplaceLastLayer(nn.Linear(201, 100))
    with pytest.raises(HarnessError, match="no split 'validation'"):
        LaplaceLastLayer(Network()).fit(splits(train=20), Context())
