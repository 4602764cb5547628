"""The VAE: its interface, and what training does."""

from __future__ import annotations

import pytest
import torch

from harness.api import Conditional, Context, NotApplicable
from harness_generative.models.autoencoder import VAE
from harness_vision.digits import digits


def fitted(seed: int = 0, epochs: int = 2, **how: object) -> VAE:
    torch.manual_seed(0)
    model = VAE(epochs=epochs, width=64, **how)  # type: ignore[arg-type]
    model.fit(digits, Context(seed=seed))
    return model


def bounds(model: VAE) -> tuple[float, float]:
    """The two halves of the negative bound on the training set, under the same noise."""
    inputs = torch.as_tensor(digits("train").columns["inputs"])
    noise = torch.randn(len(inputs), *model.latent_shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        error, regret = model.bounds(inputs, noise)
    return error.mean().item(), regret.mean().item()


def test_training_depends_on_the_context_alone() -> None:
    first, again, other = fitted(), fitted(), fitted(seed=1)
    for name, weight in first.state_dict().items():
        assert weight.isfinite().all()
        assert torch.equal(weight, again.state_dict()[name])
        assert not torch.equal(weight, other.state_dict()[name])


def test_training_tightens_the_bound() -> None:
    """The more, the longer; an untrained decoder pays about ln 2 for each of the 64 pixels."""
    losses = [sum(bounds(fitted(epochs=epochs, beta=1.0))) for epochs in (1, 4, 12)]
    torch.manual_seed(0)
    untrained = sum(bounds(VAE(width=64)))
    assert untrained == pytest.approx(64 * 0.693, rel=0.02)
    assert untrained > losses[0] > losses[1] > losses[2]


def test_beta_trades_the_error_for_the_divergence() -> None:
    loose, strict = bounds(fitted(epochs=8, beta=0.1)), bounds(fitted(epochs=8, beta=4.0))
    assert loose[0] < strict[0]
    assert loose[1] > strict[1]


def test_reconstructions_come_nearer() -> None:
    inputs = torch.as_tensor(digits("validation").columns["inputs"])
    model = fitted(epochs=40, beta=0.1)
    with torch.no_grad():
        codes, _ = model.encoder(inputs.flatten(1)).chunk(2, dim=1)
        error = (model.generate(codes, None) - inputs).square().mean().item()
    assert error < 0.5 * inputs.var(dim=0).mean().item()


def test_samples_are_images_each_of_its_own_noise() -> None:
    model = fitted()
    noise = torch.randn(16, *model.latent_shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        samples = model.generate(noise, None)
        assert samples.shape == (16, 1, 8, 8)
        assert 0 <= samples.min() <= samples.max() <= 1
        assert torch.allclose(samples[8:], model.generate(noise[8:], None), atol=1e-6)
    assert not isinstance(model, Conditional)


def test_a_conditional_model_needs_a_class() -> None:
    model = fitted(conditional=True)
    assert isinstance(model, Conditional)
    noise = torch.zeros(2, *model.latent_shape)
    with torch.no_grad():
        one, two = model.generate(noise, model.encode_conditions([1, 2]))
    assert not torch.equal(one, two)
    with pytest.raises(NotApplicable, match="only be asked for one"):
        model.generate(noise, None)
    with pytest.raises(NotApplicable, match="not None"):
        model.encode_conditions([None])
