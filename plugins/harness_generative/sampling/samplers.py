"""Samplers: the algorithms of `solvers`, on the noise levels of `noise_levels`, with classifier-free guidance."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol, runtime_checkable

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from harness.api import Context, Denoiser, NotApplicable, OneShot, SampleBatch
from harness_generative.sampling import solvers
from harness_generative.sampling.noise_levels import Schedule, Spacing, noise_levels
from harness_generative.sampling.solvers import Denoise, Noise

Steps = Annotated[int, Ge(1)]
Rho = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]


@runtime_checkable
class Follower(Protocol):
    """A model that shows how samples are made, and is told of predictions that no single pass of it gave."""

    def follow(self, x: Tensor, sigma: float, denoised: Tensor) -> None:
        """Take note of the prediction of x `[n, *latent_shape]` by which the sampler steps."""


class OneShotSampler:
    """One pass of a GAN or another one-shot model: the sample that it makes of the noise."""

    def sample(self, model: OneShot, batch: SampleBatch, ctx: Context) -> Tensor:
        """Return the output of `model.generate`."""
        return model.generate(batch.noise, batch.conditions)


@dataclass(frozen=True)
class _Diffusion(ABC):
    """Base of samplers of a denoiser: from noise of the largest level to a decoded sample.

    Sampling starts at sigma times the noise, as in Karras et al. 2022, algorithm 1. Ho et al. 2020 start at
    sqrt(1 + sigma^2) times the noise, which at sigma = 20 is 0.1 % more.

    Args:
        steps: noise levels that are visited.
        schedule: the noise levels: `linear_beta` (Ho et al. 2020) or `cosine` (Nichol & Dhariwal 2021) for those of a
            discrete process, of which those within the range of the model are used; `karras` (Karras et al. 2022,
            equation 5) or `log_snr` (uniform in ln sigma) to fill the range of the model.
        rho: how much denser `karras` is at low noise levels.
        spacing: how `linear_beta` and `cosine` choose among their time steps (Lin et al. 2024, table 2).
        guidance: weight of what is asked for over what is not (Ho & Salimans 2022); 1 for none.
        guidance_low: guidance acts above this noise level only.
        guidance_high: guidance acts up to this noise level only; by default everywhere.
    """

    steps: Steps
    schedule: Schedule = "karras"
    rho: Rho = 7.0
    spacing: Spacing = "trailing"
    guidance: NotNegative = 1.0
    guidance_low: NotNegative = 0.0
    guidance_high: NotNegative | None = None

    def sample(self, model: Denoiser, batch: SampleBatch, ctx: Context) -> Tensor:
        """Return the output of `model.decode` at the end.

        Raises:
            NotApplicable: guidance of a model without conditions, or more steps than the schedule has.
        """
        sigmas = noise_levels(self.schedule, self.steps, model.sigma_range, rho=self.rho, spacing=self.spacing)

        def noise(step: int) -> Tensor:
            return ctx.normal(batch.ids, batch.noise.shape[1:], "step", step)

        return model.decode(self._solve(self._guided(model, batch), sigmas[0] * batch.noise, sigmas, noise))

    @abstractmethod
    def _solve(self, denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
        """Solve from x at the first noise level to the denoised end."""

    def _guided(self, model: Denoiser, batch: SampleBatch) -> Denoise:
        """The guided denoiser: Ho & Salimans 2022, equation 6, within an interval of noise levels.

        Theirs has weight 1 + w where this has `guidance`, as most software does. The interval is that of
        Kynkäänniemi et al. 2024 (arXiv:2404.07724).
        """
        if self.guidance != 1 and batch.conditions is None:
            raise NotApplicable(
                f"guidance {self.guidance:g} needs conditions, and this model is not asked for anything; "
                "use a conditional model, or guidance: 1"
            )
        highest = math.inf if self.guidance_high is None else self.guidance_high

        def denoise(x: Tensor, sigma: float) -> Tensor:
            levels = torch.full((len(x),), sigma, dtype=x.dtype, device=x.device)
            conditional = model.denoise(x, levels, batch.conditions)
            if self.guidance == 1 or not self.guidance_low < sigma <= highest:
                return conditional
            unconditional = model.denoise(x, levels, None)
            guided = unconditional + self.guidance * (conditional - unconditional)
            if isinstance(model, Follower):
                model.follow(x, sigma, guided)
            return guided

        return denoise


@dataclass(frozen=True)
class Ancestral(_Diffusion):
    """Ancestral sampling of a diffusion model, Ho et al. 2020, algorithm 2, with the variance beta-tilde.

    One pass a step, twice that with guidance.

    Args:
        steps: noise levels that are visited; the paper visits all 1000 of its schedule.
    """

    steps: Steps = 250
    schedule: Schedule = "linear_beta"

    def _solve(self, denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
        return solvers.ancestral(denoise, x, sigmas, noise)


@dataclass(frozen=True)
class DDIM(_Diffusion):
    """Deterministic steps of a diffusion model, with noise added back by eta (Song et al. 2021, equations 12 and 16).

    One pass a step, twice that with guidance.

    Args:
        eta: how much of the noise of ancestral sampling each step adds back; 0 adds none.
    """

    steps: Steps = 50
    schedule: Schedule = "linear_beta"
    eta: Annotated[float, Ge(0), Le(1)] = 0.0

    def _solve(self, denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
        return solvers.ddim(denoise, x, sigmas, self.eta, noise)


@dataclass(frozen=True)
class Euler(_Diffusion):
    """Euler's method on the probability flow, Karras et al. 2022; one pass a step, two with guidance."""

    steps: Steps = 50

    def _solve(self, denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
        return solvers.euler(denoise, x, sigmas)


@dataclass(frozen=True)
class Heun(_Diffusion):
    """Heun's method with churn, Karras et al. 2022, algorithm 2; 2 steps - 1 passes, twice that with guidance.

    Args:
        s_churn: noise put back before each step, in all; 0 makes the sampler deterministic.
        s_min: noise is put back from this noise level only.
        s_max: noise is put back up to this noise level only; by default everywhere.
        s_noise: standard deviation of the noise that is put back.
    """

    steps: Steps = 18
    s_churn: NotNegative = 0.0
    s_min: NotNegative = 0.0
    s_max: NotNegative | None = None
    s_noise: Annotated[float, Gt(0)] = 1.0

    def _solve(self, denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
        highest = math.inf if self.s_max is None else self.s_max
        churn = solvers.Churn(self.s_churn, self.s_min, highest, self.s_noise)
        return solvers.heun(denoise, x, sigmas, churn, noise)


@dataclass(frozen=True)
class DPMpp2M(_Diffusion):
    """DPM-Solver++(2M), second order (Lu et al. 2022, algorithm 2): one pass a step, two with guidance."""

    steps: Steps = 20

    def _solve(self, denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Tensor:
        return solvers.dpmpp_2m(denoise, x, sigmas)
