"""The noise levels at which a diffusion model is trained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor


class NoiseLevels(Protocol):
    """A distribution of noise levels, in units of the data the network is trained on."""

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """n noise levels, float32 on the CPU."""


@dataclass(frozen=True)
class LogNormalNoise:
    """ln sigma is normal, Karras et al. 2022, section 5: most training goes where the loss can be lowered most.

    Attributes:
        mean, std: P_mean and P_std of table 1.
    """

    mean: float = -1.2
    std: float = 1.2

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """n noise levels, float32 on the CPU."""
        return (self.mean + self.std * torch.randn(n, generator=generator)).exp()


@dataclass(frozen=True)
class LinearBetas:
    """The discrete process of Ho et al. 2020, section 4, in the noise levels of Karras et al. 2022.

    q(x_t | y) has mean sqrt(alpha_bar_t) y and variance 1 - alpha_bar_t (equation 4), so that
    x_t / sqrt(alpha_bar_t) = y + sigma_t n with sigma_t = sqrt((1 - alpha_bar_t) / alpha_bar_t).

    Attributes:
        timesteps: T; time step t stands for t + 1 of the paper, from 0 to T - 1.
        first, last: the betas at both ends.
    """

    timesteps: int = 1000
    first: float = 1e-4
    last: float = 0.02

    @cached_property
    def alpha_bar(self) -> Tensor:
        """`[timesteps]`, float64: the share of the data's variance that remains."""
        return (1 - torch.linspace(self.first, self.last, self.timesteps, dtype=torch.float64)).cumprod(0)

    @cached_property
    def sigmas(self) -> Tensor:
        """`[timesteps]`, float64, increasing."""
        return ((1 - self.alpha_bar) / self.alpha_bar).sqrt()

    @property
    def sigma_range(self) -> tuple[float, float]:
        """The smallest and the largest noise level."""
        return float(self.sigmas[0]), float(self.sigmas[-1])

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """The noise levels of n uniform time steps, float32 on the CPU."""
        return self.sigmas[torch.randint(self.timesteps, (n,), generator=generator)].float()

    def timestep(self, sigma: Tensor) -> Tensor:
        """The time step of each noise level, linear in ln sigma between two of them and held at the ends."""
        knots, at = self.sigmas.log().to(sigma.device), sigma.double().log()
        right = torch.searchsorted(knots, at.contiguous()).clamp(1, self.timesteps - 1)
        share = (at - knots[right - 1]) / (knots[right] - knots[right - 1])
        return (right - 1 + share.clamp(0, 1)).to(sigma.dtype)
