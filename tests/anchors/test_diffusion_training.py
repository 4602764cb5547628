"""What generative models are trained with, against closed forms and the formulas of the papers."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.api.instruments import per_example
from harness_generative.diffusion.losses import EDMWeight, Weight, denoising_loss, epsilon_weight
from harness_generative.diffusion.preconditioning import EDMPreconditioning, EpsilonPreconditioning
from harness_generative.diffusion.schedules import LinearBetas, LogNormalNoise
from harness_generative.models.adversarial import Discriminator, discriminator_loss, generator_loss, r1_penalty
from harness_generative.models.autoencoder import VAE, divergence
from harness_generative.models.averaging import MovingAverage

SIGMAS = torch.tensor([0.002, 0.02, 0.3, 0.5, 1.0, 7.0, 80.0], dtype=torch.float64)


@pytest.mark.parametrize("sigma_data", [0.5, 0.8])
def test_edm_gives_the_network_unit_variance_and_asks_it_for_unit_variance(sigma_data: float) -> None:
    """Karras et al. 2022, appendix B.6: equations 114, 117 to 138, for Gaussian data of that standard deviation."""
    skip, out, into, noise = EDMPreconditioning(sigma_data)(SIGMAS)
    variance_of_x = SIGMAS**2 + sigma_data**2
    assert torch.allclose(into**2 * variance_of_x, torch.ones_like(SIGMAS))
    # The target is (y - c_skip (y + sigma n)) / c_out with y and n independent.
    of_target = ((1 - skip) ** 2 * sigma_data**2 + skip**2 * SIGMAS**2) / out**2
    assert torch.allclose(of_target, torch.ones_like(SIGMAS))
    assert torch.allclose(EDMWeight(sigma_data)(SIGMAS) * out**2, torch.ones_like(SIGMAS))
    assert torch.allclose(noise, torch.tensor([0.25 * math.log(s) for s in SIGMAS.tolist()], dtype=torch.float64))


def test_edm_chooses_the_skip_that_amplifies_errors_least() -> None:
    skip, out, *_ = EDMPreconditioning(0.5)(SIGMAS)
    for other in (skip - 1e-3, skip + 1e-3):
        needed = ((1 - other) ** 2 * 0.5**2 + other**2 * SIGMAS**2).sqrt()
        assert (needed > out).all()


def test_the_forward_process_has_the_closed_form_marginals() -> None:
    """The chain of Ho et al. 2020, equation 2, followed step by step, against equation 4."""
    process = LinearBetas()
    signal, variance, sigmas = 1.0, 0.0, []
    for beta in np.linspace(1e-4, 0.02, 1000):
        signal, variance = signal * math.sqrt(1 - beta), (1 - beta) * variance + beta
        sigmas.append(math.sqrt(variance) / signal)
    assert np.allclose(process.sigmas.numpy(), sigmas, rtol=1e-9)
    assert process.alpha_bar[-1].item() == pytest.approx(signal**2, rel=1e-9)
    # Their section 4: q(x_T | x_0) is within about 1e-5 bits a dimension of N(0, 1), so hardly any signal is left.
    assert process.alpha_bar[-1].item() < 1e-4


def test_time_steps_are_found_again_and_interpolated_between() -> None:
    process = LinearBetas(timesteps=100)
    assert torch.allclose(process.timestep(process.sigmas), torch.arange(100, dtype=torch.float64))
    between = (process.sigmas[40] * process.sigmas[41]).sqrt()
    assert process.timestep(between[None]).item() == pytest.approx(40.5)
    outside = torch.tensor([1e-6, 1e6], dtype=torch.float64)
    assert process.timestep(outside).tolist() == [0.0, 99.0]


def test_an_epsilon_model_is_the_papers_estimate_of_the_image() -> None:
    """D(x; sigma) is x_0 of Ho et al. 2020, equation 15, for x_t = x / sqrt(1 + sigma^2)."""
    process = LinearBetas()
    t = torch.tensor([0, 17, 500, 999])
    generator = torch.Generator().manual_seed(0)
    x_t, predicted = torch.randn(2, 4, 3, generator=generator, dtype=torch.float64)
    kept = process.alpha_bar[t][:, None]
    expected = (x_t - (1 - kept).sqrt() * predicted) / kept.sqrt()

    sigma = process.sigmas[t]
    x = x_t * (1 + sigma**2).sqrt()[:, None]
    skip, out, into, noise = EpsilonPreconditioning(process)(sigma)
    assert torch.allclose(into[:, None] * x, x_t)
    assert torch.allclose(noise, t.double() / 1000)
    assert torch.allclose(skip[:, None] * x + out[:, None] * predicted, expected)


@pytest.mark.parametrize("weight", [EDMWeight(0.5), epsilon_weight])
def test_the_loss_of_the_exact_denoiser_of_gaussian_data_is_its_posterior_variance(weight: Weight) -> None:
    """For y ~ N(mu, s^2), D = (s^2 x + sigma^2 mu) / (s^2 + sigma^2) errs by s^2 sigma^2 / (s^2 + sigma^2) in the mean.

    So no denoiser has an EDM loss below 1 on Gaussian data with s = sigma_data, at any noise level.
    """
    generator = torch.Generator().manual_seed(0)
    mean, deviation, n = 0.3, 0.5, 200_000
    clean = mean + deviation * torch.randn(n, 1, generator=generator, dtype=torch.float64)
    noise = torch.randn(n, 1, generator=generator, dtype=torch.float64)

    def exact(x: Tensor, sigma: Tensor) -> Tensor:
        variance = per_example(sigma, x) ** 2
        return (deviation**2 * x + variance * mean) / (deviation**2 + variance)

    for level in (0.05, 0.5, 5.0):
        sigma = torch.full((n,), level, dtype=torch.float64)
        loss = denoising_loss(exact, clean, sigma, noise, weight).item()
        expected = 1.0 if isinstance(weight, EDMWeight) else deviation**2 / (deviation**2 + level**2)
        # The mean of n squared normal errors has the relative standard error sqrt(2 / n), 0.3 %.
        assert loss == pytest.approx(expected, rel=0.015)


def test_the_epsilon_weight_turns_the_denoising_loss_into_that_of_ddpm() -> None:
    """Ho et al. 2020, equation 14, is the mean squared error of the predicted noise."""
    process = LinearBetas()
    generator = torch.Generator().manual_seed(0)
    clean, noise, predicted = torch.randn(3, 64, 5, generator=generator, dtype=torch.float64)
    sigma = process.draw(64, generator).double()

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        skip, out, _, _ = EpsilonPreconditioning(process)(sigma)
        return skip[:, None] * x + out[:, None] * predicted

    loss = denoising_loss(denoise, clean, sigma, noise, epsilon_weight)
    assert loss.item() == pytest.approx((noise - predicted).square().mean().item(), rel=1e-9)


def test_noise_levels_are_drawn_as_the_papers_say() -> None:
    logs = LogNormalNoise(-1.2, 1.2).draw(100_000, torch.Generator().manual_seed(0)).double().log()
    assert logs.mean().item() == pytest.approx(-1.2, abs=0.02)
    assert logs.std().item() == pytest.approx(1.2, abs=0.02)
    process = LinearBetas(timesteps=4)
    drawn = process.draw(40_000, torch.Generator().manual_seed(0))
    shares = [(drawn == level).double().mean().item() for level in process.sigmas.float()]
    assert shares == pytest.approx([0.25] * 4, abs=0.01)


def test_r1_of_a_linear_discriminator_is_half_the_square_of_its_weights() -> None:
    weights = torch.tensor([1.0, -2.0, 0.5])
    penalty = r1_penalty(lambda x: x @ weights + 7.0, torch.randn(5, 3))
    assert penalty.item() == pytest.approx((1.0 + 4.0 + 0.25) / 2)


def test_r1_is_the_gradient_norm_found_by_finite_differences() -> None:
    torch.manual_seed(0)
    discriminator = Discriminator(4, 8, classes=3).double()
    images, classes = torch.randn(6, 1, 2, 2, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 2])
    judge = partial(discriminator, conditions=classes)
    steps = 1e-6 * torch.eye(4, dtype=torch.float64).reshape(4, 1, 1, 2, 2)
    with torch.no_grad():
        slopes = torch.stack([(judge(images + step) - judge(images - step)) / 2e-6 for step in steps])
    assert r1_penalty(judge, images).item() == pytest.approx(slopes.square().sum(0).mean().item() / 2, rel=1e-6)


def test_r1_teaches_the_discriminator() -> None:
    """Its gradient in the weights of a linear discriminator are the weights themselves."""
    weights = torch.tensor([1.0, -2.0], requires_grad=True)
    r1_penalty(lambda x: x @ weights, torch.randn(3, 2)).backward()
    assert weights.grad is not None
    assert weights.grad.tolist() == pytest.approx([1.0, -2.0])


def test_the_losses_of_the_adversaries_are_those_of_goodfellow() -> None:
    real, fake = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0])

    def share(score: float) -> float:
        return 1 / (1 + math.exp(-score))

    expected = -(math.log(share(2.0)) + math.log(share(-1.0))) / 2
    expected -= (math.log(1 - share(0.5)) + math.log(1 - share(-3.0))) / 2
    assert discriminator_loss(lambda x: x, real, fake).item() == pytest.approx(expected)
    expected = -(math.log(share(0.5)) + math.log(share(-3.0))) / 2
    assert generator_loss(lambda x: x, fake).item() == pytest.approx(expected)


def test_the_divergence_of_the_code_is_that_of_torch() -> None:
    mean, log_variance = torch.randn(2, 5, 3, dtype=torch.float64)
    code = torch.distributions.Normal(mean, (log_variance / 2).exp())
    prior = torch.distributions.Normal(torch.zeros_like(mean), 1.0)
    expected = torch.distributions.kl_divergence(code, prior).sum(1)
    assert torch.allclose(divergence(mean, log_variance), expected)


def test_the_reconstruction_error_is_the_mean_over_the_black_and_white_images_of_a_grey_one() -> None:
    torch.manual_seed(0)
    model = VAE(latent=2, width=8, shape=(1, 1, 2))
    grey, noise = torch.tensor([[[[0.25, 0.75]]]]), torch.randn(1, 2)
    error, _ = model.bounds(grey, noise)
    mean, log_variance = model.encoder(grey.flatten(1)).chunk(2, dim=1)
    pixels = torch.distributions.Bernoulli(logits=model.decoder(mean + (log_variance / 2).exp() * noise))
    expected = 0.0
    for left, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        chance = (0.25 if left else 0.75) * (0.75 if right else 0.25)
        expected -= chance * pixels.log_prob(torch.tensor([[float(left), float(right)]])).sum().item()
    assert error.item() == pytest.approx(expected, rel=1e-5)


def test_the_moving_average_forgets_its_start() -> None:
    """Decays 1/10, 2/11 and then 0.2, worked out by hand."""
    network = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        network.weight.fill_(100.0)
        average = MovingAverage(network, 0.2)
        expected = 100.0
        for value, decay in ((1.0, 1 / 10), (2.0, 2 / 11), (3.0, 0.2)):
            network.weight.fill_(value)
            average.update()
            expected = decay * expected + (1 - decay) * value
        average.apply()
    assert network.weight.item() == pytest.approx(expected)
