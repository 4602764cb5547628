"""Samplers against closed forms on Gaussian data, and against the sums that diffusers' own tests pin.

On Gaussian data N(mean, v) the exact denoiser is linear, and the probability flow takes x at sigma to
mean + (x - mean) sqrt((v + lower^2) / (v + sigma^2)) at a lower noise level.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from harness_generative.sampling.noise_levels import (
    Spacing,
    karras,
    linear_betas,
    sigmas_of,
    time_steps,
    uniform_log_snr,
)
from harness_generative.sampling.solvers import Churn, Denoise, Noise, ancestral, ddim, dpmpp_2m, euler, heun

MEAN = 0.3
VARIANCES = torch.tensor([0.05, 0.25, 1.0, 3.0], dtype=torch.float64)

Solver = Callable[[Denoise, Tensor, Sequence[float]], Tensor]


def of_gaussian(x: Tensor, sigma: float) -> Tensor:
    return MEAN + VARIANCES / (VARIANCES + sigma**2) * (x - MEAN)


def flow(x: Tensor, sigma: float, lower: float) -> Tensor:
    return MEAN + (x - MEAN) * ((VARIANCES + lower**2) / (VARIANCES + sigma**2)).sqrt()


@pytest.mark.parametrize("grid", [karras, uniform_log_snr])
@pytest.mark.parametrize(("solver", "order"), [(euler, 1), (ddim, 1), (heun, 2), (dpmpp_2m, 2)])
def test_the_error_falls_with_the_order_of_the_method(
    solver: Solver, order: int, grid: Callable[[int, float, float], np.ndarray]
) -> None:
    start = torch.tensor([9.0, -7.0, 5.0, 3.0], dtype=torch.float64)
    steps = np.array([64, 128, 256, 512])
    errors = []
    for n in steps:
        sigmas = grid(n + 1, 0.1, 10.0).tolist()
        errors.append(float((solver(of_gaussian, start, sigmas) - flow(start, 10.0, 0.1)).norm()))
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(-order, abs=0.12)


@pytest.mark.parametrize("solver", [euler, ddim, heun, dpmpp_2m])
def test_every_solver_ends_at_the_end_of_the_flow(solver: Solver) -> None:
    start = torch.tensor([9.0, -7.0, 5.0, 3.0], dtype=torch.float64)
    sigmas = [*karras(400, 0.002, 10.0).tolist(), 0.0]
    assert torch.allclose(solver(of_gaussian, start, sigmas), flow(start, 10.0, 0.0), atol=0.02)


def test_ddim_without_noise_is_euler() -> None:
    """Song et al. 2021, section 4.3: the same step in x / sqrt(alpha_bar)."""
    torch.manual_seed(0)
    weights = torch.randn(4, 4, dtype=torch.float64)

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return torch.tanh(x @ weights / (1 + sigma))

    x = 80 * torch.randn(8, 4, dtype=torch.float64)
    sigmas = [*karras(12, 0.002, 80.0).tolist(), 0.0]
    assert torch.allclose(ddim(denoise, x, sigmas), euler(denoise, x, sigmas), atol=1e-12)


def test_ddim_with_all_noise_is_ancestral() -> None:
    """Song et al. 2021, section 4.1: eta = 1 is DDPM, whatever the steps that are left out."""
    x = torch.randn(8, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 80
    sigmas = [*karras(12, 0.002, 80.0).tolist(), 0.0]
    drawn = noise_like(x)
    assert torch.allclose(
        ddim(of_gaussian, x, sigmas, 1.0, drawn), ancestral(of_gaussian, x, sigmas, drawn), atol=1e-12
    )


def noise_like(x: Tensor) -> Noise:
    def noise(step: int) -> Tensor:
        return torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(step))

    return noise


def variance_of(
    sampler: Callable[[Denoise, Tensor, Sequence[float], Noise], Tensor], v: float, sigmas: list[float]
) -> float:
    """The exact variance of what a sampler makes of N(0, v), without drawing.

    The denoiser of data with mean 0 is linear, so x is followed as coefficients of the independent normal draws:
    the initial noise and one for each step.
    """

    def source(index: int) -> Tensor:
        return torch.nn.functional.one_hot(torch.tensor(index), len(sigmas) + 1).double()

    x = sampler(lambda x, sigma: v / (v + sigma**2) * x, sigmas[0] * source(0), sigmas, lambda step: source(step + 1))
    return float((x**2).sum())


@pytest.mark.parametrize("v", [0.04, 0.5, 1.0])
def test_the_variance_of_ancestral_sampling(v: float) -> None:
    """V <- (r + a (1 - r))^2 V + lower^2 (1 - r) with r = (lower / sigma)^2 and a = v / (v + sigma^2)."""
    distances = []
    for steps in (50, 200, 800):
        sigmas = [*karras(steps, 0.002, 80.0).tolist(), 0.0]
        expected = sigmas[0] ** 2
        for sigma, lower in pairwise(sigmas):
            kept, share = (lower / sigma) ** 2, v / (v + sigma**2)
            expected = (kept + share * (1 - kept)) ** 2 * expected + lower**2 * (1 - kept)
        made = variance_of(ancestral, v, sigmas)
        assert made == pytest.approx(expected, rel=1e-10)
        distances.append(abs(made - v) / v)
    assert distances[0] > distances[1] > distances[2]
    assert distances[2] < 0.02


@pytest.mark.parametrize("v", [0.04, 0.5, 1.0])
def test_churn_keeps_the_variance(v: float) -> None:
    """Up to an error of second order in the steps; noise of more than its level adds variance."""

    def excess(steps: int, scale: float = 1.0) -> float:
        def sampler(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
            return heun(denoise, x, sigmas, Churn(amount=40.0, scale=scale), noise)

        return variance_of(sampler, v, [*karras(steps, 0.002, 80.0).tolist(), 0.0]) / v - 1

    assert abs(excess(400)) < 2e-3
    assert excess(200) / excess(400) == pytest.approx(4, abs=0.5)
    assert excess(400, scale=1.02) > 0.04


def test_churn_is_limited() -> None:
    """Algorithm 2, line 3: gamma = min(S_churn / N, sqrt(2) - 1) within [S_tmin, S_tmax], else 0."""
    churn = Churn(amount=4.0, low=0.5, high=50.0)
    assert churn.raised(1.0, steps=20) == pytest.approx(1.2)
    assert churn.raised(1.0, steps=2) == pytest.approx(math.sqrt(2))
    assert churn.raised(0.4, steps=20) == 0.4
    assert churn.raised(51.0, steps=20) == 51.0


# The sums below are those of tests/schedulers/ of diffusers, for a network that answers x t / (t + 1) and a first x
# that counts from 0 to 1. Theirs is the variance preserving x / sqrt(1 + sigma^2), and t counts from 0.

COUNT = 4 * 3 * 8 * 8
FIRST = (torch.arange(COUNT) / COUNT).reshape(3, 8, 8, 4).permute(3, 0, 1, 2)
LINEAR = sigmas_of(linear_betas())


def dummy(trained: np.ndarray, predicts: str = "noise", clips: bool = False) -> Denoise:
    """Their network as a denoiser: it predicts the noise, or the velocity v of Salimans & Ho 2022."""

    def denoise(x: Tensor, sigma: float) -> Tensor:
        t = float(np.interp(sigma, trained, np.arange(len(trained))))
        data = 1 / math.sqrt(1 + sigma**2)
        answer = data * x * t / (t + 1)
        denoised = x - sigma * answer if predicts == "noise" else data**2 * x - sigma * data * answer
        return denoised.clamp(-1, 1) if clips else denoised

    return denoise


def preserving(x: Tensor, sigma: float) -> Tensor:
    return x / math.sqrt(1 + sigma**2)


def from_first(sigmas: Sequence[float]) -> Tensor:
    return FIRST * math.sqrt(1 + sigmas[0] ** 2)


def leading(trained: np.ndarray, steps: int) -> list[float]:
    return [*trained[time_steps(steps, len(trained), "leading") - 1].tolist(), 0.0]


@pytest.mark.parametrize(("predicts", "total"), [("noise", 172.0067), ("velocity", 52.5302)])
def test_the_pinned_sums_of_ddim(predicts: str, total: float) -> None:
    sigmas = leading(LINEAR, 10)
    made = ddim(dummy(LINEAR, predicts, clips=True), from_first(sigmas), sigmas)
    assert float(made.abs().sum()) == pytest.approx(total, abs=1e-2)


def test_the_pinned_sums_of_ddim_with_larger_betas() -> None:
    """To sigma 0, and to the smallest sigma of the schedule (`set_alpha_to_one=False`)."""
    trained = sigmas_of(linear_betas(first=0.01))
    sigmas = leading(trained, 10)
    made = ddim(dummy(trained, clips=True), from_first(sigmas), sigmas)
    assert float(made.abs().sum()) == pytest.approx(149.8295, abs=1e-2)
    held = [*sigmas[:-1], sigmas[-2]]
    made = preserving(ddim(dummy(trained, clips=True), from_first(held), held), held[-1])
    assert float(made.abs().sum()) == pytest.approx(149.0784, abs=1e-2)


@pytest.mark.parametrize(("predicts", "total"), [("noise", 258.9606), ("velocity", 202.0296)])
def test_the_pinned_sums_of_ddpm(predicts: str, total: float) -> None:
    sigmas = [*LINEAR[::-1].tolist(), 0.0]
    generator = torch.Generator().manual_seed(0)
    made = ancestral(
        dummy(LINEAR, predicts, clips=True),
        from_first(sigmas),
        sigmas,
        lambda step: torch.randn(FIRST.shape, generator=generator),
    )
    assert float(made.abs().sum()) == pytest.approx(total, abs=1e-2)


@pytest.mark.parametrize(("t", "before", "variance"), [(420, 400, 0.14771), (980, 960, 0.32460), (487, 486, 0.00979)])
def test_the_pinned_variances_of_ddpm(t: int, before: int, variance: float) -> None:
    """beta-tilde of a step, in units of the variance preserving process."""
    sigmas = [float(LINEAR[t]), float(LINEAR[before])]
    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    (added,) = ancestral(lambda x, sigma: x, zero, sigmas, lambda step: one)
    assert float(preserving(added, sigmas[1]) ** 2) == pytest.approx(variance, abs=1e-5)


@pytest.mark.parametrize(("predicts", "mean"), [("noise", 0.3301), ("velocity", 0.2251)])
def test_the_pinned_means_of_dpm_solver(predicts: str, mean: float) -> None:
    """Their ten steps end at the smallest sigma of the schedule, and the last is of second order."""
    visited = np.linspace(0, 999, 11).round()[:0:-1].astype(int)
    sigmas = [*LINEAR[visited].tolist(), float(LINEAR[0])]
    made = preserving(dpmpp_2m(dummy(LINEAR, predicts), from_first(sigmas), sigmas), sigmas[-1])
    assert float(made.abs().mean()) == pytest.approx(mean, abs=1e-3)


def test_the_pinned_sums_of_euler() -> None:
    """Their test goes on from the scaled input of the network instead of from x, so it is followed step by step."""
    visited = np.linspace(0, 1099, 10)[::-1]
    trained = sigmas_of(linear_betas(1100))
    sigmas = [*np.interp(visited, np.arange(1100), trained).tolist(), 0.0]
    times = dict(zip(sigmas, visited, strict=False))
    x = FIRST * sigmas[0]
    for sigma, lower in pairwise(sigmas):
        x = euler(
            lambda x, sigma: x - sigma * x * times[sigma] / (times[sigma] + 1), preserving(x, sigma), [sigma, lower]
        )
    assert float(x.abs().sum()) == pytest.approx(10.0807, abs=1e-2)


@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("steps", [10, 20, 50])
def test_ddim_agrees_with_diffusers(spacing: Spacing, steps: int) -> None:
    """Where its steps go to the next time step; with the spacing `linspace` they do not."""
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.DDIMScheduler(clip_sample=False, timestep_spacing=spacing)
    scheduler.set_timesteps(steps)
    theirs = FIRST
    for t in scheduler.timesteps:
        theirs = scheduler.step(theirs * t / (t + 1), t, theirs).prev_sample
    sigmas = [*LINEAR[time_steps(steps, 1000, spacing) - 1].tolist(), 0.0]
    assert torch.allclose(ddim(dummy(LINEAR), from_first(sigmas), sigmas), theirs, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "solver"),
    [("EulerDiscreteScheduler", euler), ("HeunDiscreteScheduler", heun), ("DPMSolverMultistepScheduler", dpmpp_2m)],
)
def test_solvers_agree_with_diffusers(name: str, solver: Solver) -> None:
    """On noise levels of theirs, for a denoiser that depends on x and sigma and not on how they count time."""
    scheduler = getattr(pytest.importorskip("diffusers"), name)(use_karras_sigmas=True)
    scheduler.set_timesteps(15)
    is_scaled = hasattr(scheduler, "scale_model_input") and name != "DPMSolverMultistepScheduler"
    sigmas = list(dict.fromkeys(scheduler.sigmas.tolist()))
    x = theirs = FIRST * sigmas[0] if is_scaled else FIRST
    for i, t in enumerate(scheduler.timesteps):
        sigma = float(scheduler.sigmas[i])
        noisy = theirs if is_scaled else theirs * math.sqrt(1 + sigma**2)
        theirs = scheduler.step((noisy - tanh(noisy, sigma)) / sigma, t, theirs).prev_sample
    ours = solver(tanh, x if is_scaled else from_first(sigmas), sigmas)
    assert torch.allclose(ours, theirs, atol=1e-4)


def tanh(x: Tensor, sigma: float) -> Tensor:
    return torch.tanh(x / (1 + sigma))


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_ddim_reaches_the_end_of_the_flow_with_every_spacing(spacing: Spacing) -> None:
    """A step that misses the next level, as that of diffusers with `linspace`, leaves noise or shrinks too much."""
    sigmas = [*LINEAR[time_steps(500, 1000, spacing) - 1].tolist(), 0.0]
    start = torch.tensor([40.0, -30.0, 20.0, 10.0], dtype=torch.float64)
    assert torch.allclose(ddim(of_gaussian, start, sigmas), flow(start, sigmas[0], 0.0), rtol=0.02, atol=0.01)
