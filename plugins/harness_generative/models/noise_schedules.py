"""Noise schedules of the diffusers library: from what a network was trained to predict to the denoiser D(x; sigma).

With x = y + sigma n the network sees x scaled, at the step of training that has this sigma.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from harness.api import HarnessError
from harness_generative.optional_libraries import attribute_of

Prediction = Literal["epsilon", "v_prediction", "sample"]

_SCHEDULE = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "rescale_betas_zero_snr",
)
_FLOW = "FlowMatch"
# A sigma that was computed in float32 from a step of training means that step.
_SAME_STEP = 1e-3


class NoiseSchedule(nn.Module, ABC):
    """What a network sees at a noise level, and what its output says of the sample.

    Attributes:
        sigma_range: the smallest and the largest sigma of training.
    """

    sigma_range: tuple[float, float]

    @abstractmethod
    def seen(self, x: Tensor, sigma: Tensor) -> Tensor:
        """What the network is given `[n, ...]` for x `[n, ...]` at noise levels `[n]`."""

    @abstractmethod
    def step_of(self, sigma: Tensor) -> Tensor:
        """The step of training, perhaps between two, float32 `[n]`, for noise levels `[n]`."""

    @abstractmethod
    def denoised(self, x: Tensor, sigma: Tensor, out: Tensor) -> Tensor:
        """D(x; sigma) `[n, ...]` of the output of the network."""


class VariancePreserving(NoiseSchedule):
    """Schedules of betas (Ho et al. 2020; DDPM, DDIM and their like).

    A step t, with alpha-bar_t the product of the schedule, has sigma_t = sqrt(1 / alpha-bar_t - 1); in between, t is
    interpolated in log sigma. The network sees x / sqrt(1 + sigma^2) and predicts the noise, v (Salimans & Ho 2022,
    arXiv:2202.00512) or the sample.

    Args:
        config: of the scheduler.
        clip: clamp D to the box; by default as the config says.
    """

    log_sigmas: Tensor

    def __init__(self, config: Mapping[str, Any], clip: bool | None = None) -> None:
        super().__init__()
        self._predicts, self._clip = _prediction(config), _clip_range(config, clip)
        sigmas = (1 / _alphas_cumprod(config) - 1).sqrt()
        # A schedule that ends in pure noise has an infinite sigma there, which no step of ours can start from.
        self.register_buffer("log_sigmas", sigmas[sigmas.isfinite()].log())
        self.sigma_range = (float(self.log_sigmas[0].exp()), float(self.log_sigmas[-1].exp()))

    def seen(self, x: Tensor, sigma: Tensor) -> Tensor:
        """x / sqrt(1 + sigma^2)."""
        return (1 + sigma[:, None, None, None] ** 2).rsqrt() * x

    def step_of(self, sigma: Tensor) -> Tensor:
        """The step of training by its log sigma."""
        wanted = sigma.double().log().to(self.log_sigmas.device)
        above = torch.searchsorted(self.log_sigmas, wanted).clamp(1, len(self.log_sigmas) - 1)
        low, high = self.log_sigmas[above - 1], self.log_sigmas[above]
        step = above - 1 + ((wanted - low) / (high - low)).clamp(0, 1)
        return torch.where((step - step.round()).abs() < _SAME_STEP, step.round(), step).float()

    def denoised(self, x: Tensor, sigma: Tensor, out: Tensor) -> Tensor:
        """D by what the network predicts, clamped if the schedule says so."""
        level = sigma[:, None, None, None]
        alpha = (1 + level**2).rsqrt()
        if self._predicts == "epsilon":
            denoised = x - level * out
        elif self._predicts == "v_prediction":
            denoised = alpha * (alpha * x) - alpha * level * out
        else:
            denoised = out
        clamped: Tensor = denoised if self._clip is None else denoised.clamp(-self._clip, self._clip)
        return clamped


class FlowMatching(NoiseSchedule):
    """Straight paths from sample to noise (Lipman et al. 2023, arXiv:2210.02747; Liu et al. 2023, arXiv:2209.03003).

    At time t in (0, 1) the network sees z = (1 - t) y + t n and predicts n - y, so D = z - t times its output. With
    sigma = t / (1 - t) this is z = x / (1 + sigma), and an Euler step in sigma is one in t. A shift of the library's
    scheduler chooses steps and does not change what the network predicts.

    Args:
        config: of the scheduler.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._steps = int(config.get("num_train_timesteps", 1000))
        self.sigma_range = (1 / (self._steps - 1), float(self._steps - 1))

    def seen(self, x: Tensor, sigma: Tensor) -> Tensor:
        """z = x / (1 + sigma)."""
        return x / (1 + sigma[:, None, None, None])

    def step_of(self, sigma: Tensor) -> Tensor:
        """t times the number of steps."""
        return (self._steps * sigma / (1 + sigma)).float()

    def denoised(self, x: Tensor, sigma: Tensor, out: Tensor) -> Tensor:
        """z - t times the predicted velocity."""
        level = sigma[:, None, None, None]
        return (x - level * out) / (1 + level)


def schedule_of(folder: Path, clip: bool | None, remedy: str) -> NoiseSchedule:
    """The schedule of a pipeline's folder, whose scheduler stands in a folder of its own or, in old ones, beside it.

    Raises:
        HarnessError: it is of another kind, or cannot be read.
    """
    own = folder / "scheduler" / "scheduler_config.json"
    config = read_config(own if own.is_file() else folder / "scheduler_config.json")
    name = config.get("_class_name", "a scheduler without a name")
    if str(name).startswith(_FLOW):
        return FlowMatching(config)
    if "beta_schedule" not in config or "num_train_timesteps" not in config:
        raise HarnessError(
            f"{name} has no schedule of betas and is no flow matching; DDPM, DDIM, FlowMatchEuler and their like can "
            f"be used. {remedy}"
        )
    if config.get("thresholding"):
        raise HarnessError(f"this {name} uses dynamic thresholding, which is not supported")
    return VariancePreserving(config, clip)


def read_config(path: Path) -> dict[str, Any]:
    """A file of settings. Raises HarnessError if it cannot be read."""
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HarnessError(f"{path} cannot be read: {error}") from error
    return read


def _prediction(config: Mapping[str, Any]) -> Prediction:
    kind = config.get("prediction_type", "epsilon")
    if kind not in ("epsilon", "v_prediction", "sample"):
        raise HarnessError(f"the network predicts {kind!r}; epsilon, v_prediction and sample can be used")
    prediction: Prediction = kind
    return prediction


def _clip_range(config: Mapping[str, Any], clip: bool | None) -> float | None:
    # The library's own default where a scheduler that knows the setting leaves it out.
    clips = config.get("_class_name") in ("DDPMScheduler", "DDIMScheduler")
    wanted = config.get("clip_sample", clips) if clip is None else clip
    return float(config.get("clip_sample_range", 1.0)) if wanted else None


def _alphas_cumprod(config: Mapping[str, Any]) -> Tensor:
    """The cumulated alphas `[steps]`, float64, as the library computes them."""
    scheduler = attribute_of("diffusers", "DDPMScheduler")
    try:
        made = scheduler(**{name: config[name] for name in _SCHEDULE if name in config})
    except NotImplementedError as error:
        raise HarnessError(f"the schedule of betas {config['beta_schedule']!r} is not known to diffusers") from error
    alphas: Tensor = made.alphas_cumprod
    return alphas.double()
