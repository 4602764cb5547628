"""Temperature scaling."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from torch import nn

from anchors.small_networks import Network, points, splits, trained
from harness.api import Context, HarnessError
from harness_uncertainty.methods.temperature import TemperatureScaled, best_temperature


class Given(nn.Module):
    """Logits are the inputs."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs


def test_the_temperature_is_that_of_the_largest_likelihood() -> None:
    rng = np.random.default_rng(0)
    logits, labels = 3 * rng.standard_normal((200, 4)), rng.integers(4, size=200)
    logits[np.arange(200), labels] += 2.0

    def loss(log_temperature: float) -> float:
        scaled = torch.tensor(logits) / np.exp(log_temperature)
        return float(nn.functional.cross_entropy(scaled, torch.tensor(labels)))

    best = minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-8})
    assert best_temperature(logits, labels) == pytest.approx(np.exp(best.x), rel=1e-5)


def test_logits_that_were_scaled_are_scaled_back() -> None:
    data = splits(train=10, validation=300)
    temperatures = []
    for scale in (1.0, 7.0):
        network = trained(steps=30)
        network.scale = scale
        model = TemperatureScaled(network)
        model.fit(data, Context())
        temperatures.append(float(model.temperature))
    assert temperatures[1] == pytest.approx(7 * temperatures[0], rel=1e-4)


def test_no_prediction_changes_even_where_rounding_makes_a_tie() -> None:
    """Neighbouring float32 numbers, divided: some fall together, and the first of two would win."""
    first = torch.linspace(1, 2, 1001)[:-1]
    logits = torch.stack([first, torch.nextafter(first, torch.tensor(3.0)), torch.zeros(1000)], dim=1)
    model = TemperatureScaled(Given())
    model.temperature.fill_(3.7)
    plain = logits / 3.7
    assert (plain.argmax(1) == 0).sum() > 50, "the test has no ties"
    assert torch.equal(model(logits).argmax(1), logits.argmax(1))
    assert (model(logits) - plain).abs().max() < 1e-6


def test_gradients_pass() -> None:
    inputs = torch.randn(5, 2, requires_grad=True)
    model = TemperatureScaled(Network())
    model.temperature.fill_(2.0)
    (gradient,) = torch.autograd.grad(model(inputs).sum(), inputs)
    (reference,) = torch.autograd.grad(model.model(inputs).sum(), inputs)
    assert torch.allclose(gradient, reference / 2)


def test_what_has_no_best_temperature_is_an_error() -> None:
    logits, labels = np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([0, 1])
    with pytest.raises(HarnessError, match="all 2 predictions on the split are right"):
        best_temperature(logits, labels)
    with pytest.raises(HarnessError, match="no better than chance"):
        best_temperature(logits, 1 - labels)


def test_a_split_that_is_not_there_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(HarnessError, match=r"no split 'tuning'.*name one with `split:`"):
        TemperatureScaled(Network(), split="tuning").fit(splits(train=10), Context())


def test_the_batch_size_changes_nothing() -> None:
    data, network = splits(train=10, validation=37), trained(steps=30)
    found = []
    for batch_size in (1, 7, 500):
        model = TemperatureScaled(network)
        model.fit(data, Context(batch_size=batch_size))
        found.append(float(model.temperature))
    assert found[0] == pytest.approx(found[2], rel=1e-6)
    assert found[1] == pytest.approx(found[2], rel=1e-6)
    assert model(points(data("validation"))).shape == (37, 3)
