"""The noise levels of a sampler: sigma from high to low, then 0, in float64."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.api import InvalidOutput, NotApplicable

Schedule = Literal["karras", "log_snr", "linear_beta", "cosine"]
Spacing = Literal["leading", "trailing", "linspace"]

_TRAINED_STEPS = 1000
_EDGE = 1e-3

_Floats = npt.NDArray[np.float64]


def noise_levels(
    schedule: Schedule,
    steps: int,
    sigma_range: tuple[float, float],
    *,
    rho: float = 7.0,
    spacing: Spacing = "trailing",
) -> list[float]:
    """The `steps` noise levels at which a denoiser is called, decreasing, and 0 after them.

    Args:
        schedule: `karras` and `log_snr` fill the range of the model; `linear_beta` and `cosine` are the discrete
            processes of those papers, of which the time steps within the range of the model are used.
        steps: how many levels before the 0.
        sigma_range: the smallest and the largest noise level of the model.
        rho: the exponent of the schedule `karras`.
        spacing: how the discrete schedules choose their time steps.

    Raises:
        NotApplicable: a discrete schedule has fewer time steps within the range than are asked for.
        InvalidOutput: the range is not 0 < smallest < largest.
    """
    low, high = sigma_range
    if not 0 < low < high < float("inf"):
        raise InvalidOutput(f"the model's sigma_range is {low:g} to {high:g}; it must be 0 < smallest < largest")
    if schedule == "karras":
        return [*karras(steps, low, high, rho).tolist(), 0.0]
    if schedule == "log_snr":
        return [*uniform_log_snr(steps, low, high).tolist(), 0.0]
    betas = linear_betas() if schedule == "linear_beta" else cosine_betas()
    # A model may have rounded its ends, which are then still its own.
    trained = np.array([s for s in sigmas_of(betas) if low * (1 - _EDGE) <= s <= high * (1 + _EDGE)])
    if steps > len(trained):
        raise NotApplicable(
            f"{steps} steps are asked for, but the schedule {schedule} has {len(trained)} time steps within the noise "
            f"levels {low:g} to {high:g} of the model; ask for fewer steps or use the schedule karras or log_snr"
        )
    return [*trained[time_steps(steps, len(trained), spacing) - 1].tolist(), 0.0]


def karras(steps: int, low: float, high: float, rho: float = 7.0) -> _Floats:
    """Karras et al. 2022, equation 5: uniform in sigma^(1 / rho) from `high` to `low`; `[steps]`."""
    ramp = np.linspace(0.0, 1.0, steps)
    return np.asarray((high ** (1 / rho) + ramp * (low ** (1 / rho) - high ** (1 / rho))) ** rho)


def uniform_log_snr(steps: int, low: float, high: float) -> _Floats:
    """Uniform in lambda = -ln sigma, half the logarithm of the signal-to-noise ratio, from `high` to `low`; `[steps]`.

    The spacing of DPM-Solver, Lu et al. 2022 (arXiv:2206.00927).
    """
    return np.asarray(np.exp(np.linspace(np.log(high), np.log(low), steps)))


def linear_betas(trained_steps: int = _TRAINED_STEPS, first: float = 1e-4, last: float = 0.02) -> _Floats:
    """Ho et al. 2020, section 4: beta_1 to beta_T, the variance that each step of the forward process adds."""
    return np.linspace(first, last, trained_steps)


def cosine_betas(trained_steps: int = _TRAINED_STEPS, offset: float = 0.008, most: float = 0.999) -> _Floats:
    """Nichol & Dhariwal 2021 (arXiv:2102.09672), equation 17, with beta_t clipped at `most`."""
    time = np.arange(trained_steps + 1) / trained_steps
    alpha_bar = np.cos((time + offset) / (1 + offset) * np.pi / 2) ** 2
    return np.asarray(np.minimum(1 - alpha_bar[1:] / alpha_bar[:-1], most))


def sigmas_of(betas: _Floats) -> _Floats:
    """sigma_1 to sigma_T, increasing: x_t / sqrt(alpha_bar_t) is data plus sigma_t times standard normal noise.

    alpha_bar_t is the product of 1 - beta up to t (Ho et al. 2020, equation 4), and
    sigma_t = sqrt((1 - alpha_bar_t) / alpha_bar_t).
    """
    alpha_bar = np.cumprod(1 - betas)
    return np.asarray(np.sqrt((1 - alpha_bar) / alpha_bar))


def time_steps(steps: int, trained_steps: int, spacing: Spacing) -> npt.NDArray[np.int64]:
    """The time steps of 1 to T that are used, from late to early: Lin et al. 2024 (arXiv:2305.08891), table 2.

    `leading` does not reach T, so that sampling starts below the largest noise level; `linspace` has both ends;
    `trailing` has T. With one step, `linspace` is T too: there is nothing to remove at the other end.
    """
    if spacing == "leading":
        return 1 + np.arange(steps, dtype=np.int64)[::-1] * (trained_steps // steps)
    if spacing == "linspace":
        return np.linspace(trained_steps, 1, steps).round().astype(np.int64)
    return (trained_steps * np.arange(steps, 0, -1) / steps).round().astype(np.int64)
