"""Noise: Gaussian, shot and impulse. Images `[n, channels, height, width]` are in [0, 1]."""

from __future__ import annotations

import torch
from torch import Tensor

from harness_uncertainty.corruptions.draws import Draws


def gaussian_noise(images: Tensor, draws: Draws, deviation: float) -> Tensor:
    """Add normal noise to every value."""
    return images + deviation * draws.normal(*images.shape[1:])


def shot_noise(images: Tensor, draws: Draws, photons: float) -> Tensor:
    """Draw every value as a Poisson count of light, of this many photons where it is 1."""
    return draws.poisson(images * photons) / photons


def impulse_noise(images: Tensor, draws: Draws, share: float) -> Tensor:
    """Set this share of the values to 0 or 1."""
    drawn = draws.uniform(*images.shape[1:])
    salted = torch.where(drawn >= 1 - share / 2, 1.0, images)
    return torch.where(drawn < share / 2, 0.0, salted)
