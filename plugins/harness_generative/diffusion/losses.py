"""The denoising loss, and the weight of each noise level in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from harness.api.instruments import per_example


class Weight(Protocol):
    """The weight of an error at each noise level."""

    def __call__(self, sigma: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class EDMWeight:
    """lambda(sigma) of table 1 of Karras et al. 2022: 1 / c_out^2, so that every level starts with a loss of 1."""

    sigma_data: float = 0.5

    def __call__(self, sigma: Tensor) -> Tensor:
        """Weights `[n]` of noise levels `[n]`."""
        return (sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data) ** 2


def epsilon_weight(sigma: Tensor) -> Tensor:
    """1 / sigma^2: turns the error of the denoised into that of the predicted noise, Ho et al. 2020, equation 14.

    For D = x - sigma eps(x) and x = y + sigma n, D - y = sigma (n - eps(x)).
    """
    return 1 / sigma**2


def denoising_loss(
    denoise: Callable[[Tensor, Tensor], Tensor], clean: Tensor, sigma: Tensor, noise: Tensor, weight: Weight
) -> Tensor:
    """E lambda(sigma) |D(y + sigma n; sigma) - y|^2, Karras et al. 2022, equation 2, as a mean over elements.

    Args:
        denoise: D of x `[n, ...]` and sigma `[n]`.
        clean: y `[n, ...]`.
        sigma: noise levels `[n]`.
        noise: n, standard normal, of the shape of y.
        weight: lambda.
    """
    denoised = denoise(clean + per_example(sigma, clean) * noise, sigma)
    loss: Tensor = (per_example(weight(sigma), clean) * (denoised - clean) ** 2).mean()
    return loss
