"""Sampling algorithms as functions of a denoiser D(x; sigma), each beside its paper.

All are written in the variables of Karras et al. 2022: x = y + sigma n. A variance preserving process is the same
one in x_t = x / sqrt(1 + sigma^2), with alpha_bar_t = 1 / (1 + sigma^2).

`sigmas` decrease and usually end in 0, where x is a sample. Their arithmetic is that of Python's floats; x keeps its
dtype. `noise(i)` gives standard normal draws of the shape of x for step i.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

Denoise = Callable[[Tensor, float], Tensor]
Noise = Callable[[int], Tensor]


def no_noise(step: int) -> Tensor:
    """The source of noise of a deterministic sampler, which must not use any. Raises ValueError."""
    raise ValueError(f"step {step} needs noise, but the sampler was given no source of it")


def euler(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Euler's method on the probability flow dx / dsigma = (x - D(x; sigma)) / sigma.

    Karras et al. 2022, equations 1 and 3. First order; a pass a step.
    """
    for sigma, lower in pairwise(sigmas):
        slope = (x - denoise(x, sigma)) / sigma
        x = x + (lower - sigma) * slope
    return x


@dataclass(frozen=True)
class Churn:
    """The amount of noise that Karras et al. 2022, algorithm 2, adds before each step; by default none.

    Attributes:
        amount: S_churn: over the number of steps, the share by which sigma is raised, at most sqrt(2) - 1.
        low, high: S_tmin and S_tmax: only within these levels.
        scale: S_noise: standard deviation of the fresh noise, slightly above 1 where a model removes too much.
    """

    amount: float = 0.0
    low: float = 0.0
    high: float = math.inf
    scale: float = 1.0

    def raised(self, sigma: float, steps: int) -> float:
        """The noise level after the noise is added: t_hat of the paper."""
        share = min(self.amount / steps, math.sqrt(2) - 1) if self.low <= sigma <= self.high else 0.0
        return sigma * (1 + share)


def heun(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], churn: Churn | None = None, noise: Noise = no_noise
) -> Tensor:
    """Heun's method with churn, Karras et al. 2022, algorithm 2.

    Second order; two passes a step, but one where the step ends in 0. `noise` is needed only with churn.
    """
    churn = churn or Churn()
    for i, (level, lower) in enumerate(pairwise(sigmas)):
        sigma = churn.raised(level, len(sigmas) - 1)
        if sigma > level:
            x = x + math.sqrt(sigma**2 - level**2) * churn.scale * noise(i)
        slope = (x - denoise(x, sigma)) / sigma
        moved = x + (lower - sigma) * slope
        if lower > 0:
            slope_there = (moved - denoise(moved, lower)) / lower
            moved = x + (lower - sigma) * (slope + slope_there) / 2
        x = moved
    return x


def ddim(denoise: Denoise, x: Tensor, sigmas: Sequence[float], eta: float = 0.0, noise: Noise = no_noise) -> Tensor:
    """Denoising diffusion implicit model, Song et al. 2021, equations 12 and 16, over sqrt(alpha_bar) of the new step.

    (x - D) / sigma is the predicted noise. A step goes to the next level that is visited, whatever the spacing.
    First order where eta is 0; a pass a step. `noise` is needed only where eta is above 0.
    """
    for i, (sigma, lower) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        added = eta * lower * math.sqrt(1 - (lower / sigma) ** 2)
        x = denoised + math.sqrt(lower**2 - added**2) * (x - denoised) / sigma
        if added > 0:
            x = x + added * noise(i)
    return x


def ancestral(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
    """Ancestral sampling, Ho et al. 2020, algorithm 2, with the variance beta-tilde; a pass a step.

    Each step draws from q(x_lower | x, y = D), equations 6 and 7: here a Gaussian with the mean
    D + (lower / sigma)^2 (x - D) and the variance lower^2 (1 - (lower / sigma)^2), which is beta-tilde over
    alpha_bar. The last step adds no noise.
    """
    for i, (sigma, lower) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        share = (lower / sigma) ** 2
        x = denoised + share * (x - denoised)
        if lower > 0:
            x = x + lower * math.sqrt(1 - share) * noise(i)
    return x


def dpmpp_2m(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """DPM-Solver++(2M), Lu et al. 2022 (arXiv:2211.01095), algorithm 2, in lambda = -ln sigma.

    Second order; a pass a step. The first step, which has no past, and a last one to 0, which is infinitely long in
    lambda, are of first order.
    """
    before: Tensor | None = None
    step_before = 0.0
    for sigma, lower in pairwise(sigmas):
        denoised = denoise(x, sigma)
        if lower == 0:
            return denoised
        step = math.log(sigma / lower)
        towards = denoised
        if before is not None:
            ratio = step_before / step
            towards = (1 + 1 / (2 * ratio)) * denoised - 1 / (2 * ratio) * before
        x = (lower / sigma) * x - math.expm1(-step) * towards
        before, step_before = denoised, step
    return x
