"""How a raw network becomes a denoiser: D(x; sigma) = c_skip x + c_out F(c_in x; c_noise), Karras 2022, eq. 7."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor

from harness_generative.diffusion.schedules import LinearBetas


class Coefficients(NamedTuple):
    """The four numbers of equation 7, each `[n]` like the noise levels they belong to."""

    skip: Tensor
    out: Tensor
    into: Tensor
    noise: Tensor


class Preconditioning(Protocol):
    """Computes the coefficients of a noise level."""

    def __call__(self, sigma: Tensor) -> Coefficients: ...


@dataclass(frozen=True)
class EDMPreconditioning:
    """The column "EDM" of table 1 of Karras et al. 2022, derived in their appendix B.6.

    For data with standard deviation `sigma_data`, what the network is given and what it is asked for both have
    unit variance at every noise level, and its errors are amplified as little as possible.
    """

    sigma_data: float = 0.5

    def __call__(self, sigma: Tensor) -> Coefficients:
        """The coefficients at noise levels `[n]`."""
        total = sigma**2 + self.sigma_data**2
        return Coefficients(
            skip=self.sigma_data**2 / total,
            out=sigma * self.sigma_data / total.sqrt(),
            into=1 / total.sqrt(),
            noise=sigma.log() / 4,
        )


@dataclass(frozen=True)
class EpsilonPreconditioning:
    """The network predicts the noise of the variance preserving process, Ho et al. 2020, section 3.2.

    With x = y + sigma n, their x_t is x / sqrt(1 + sigma^2), so D(x; sigma) = x - sigma eps(x / sqrt(1 + sigma^2), t):
    the column "VP" of table 1 of Karras et al. 2022. The network is told t over the number of time steps, where
    Ho et al. give it t in sinusoids that are slower by that factor. Between time steps t is interpolated.
    """

    schedule: LinearBetas

    def __call__(self, sigma: Tensor) -> Coefficients:
        """The coefficients at noise levels `[n]`."""
        return Coefficients(
            skip=sigma.new_ones(sigma.shape),
            out=-sigma,
            into=1 / (1 + sigma**2).sqrt(),
            noise=self.schedule.timestep(sigma) / self.schedule.timesteps,
        )
