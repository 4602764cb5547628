"""Schedules of noise levels: the numbers of the papers, and what holds for all."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import InvalidOutput, NotApplicable
from harness_generative.sampling.noise_levels import (
    Schedule,
    Spacing,
    cosine_betas,
    karras,
    linear_betas,
    noise_levels,
    sigmas_of,
    time_steps,
    uniform_log_snr,
)


@given(
    schedule=st.sampled_from(get_args(Schedule)),
    spacing=st.sampled_from(get_args(Spacing)),
    steps=st.integers(1, 200),
    low=st.floats(0.002, 0.05),
    high=st.floats(10, 200),
    rho=st.floats(0.5, 20),
)
def test_levels_decrease_from_within_the_range_to_zero(
    schedule: Schedule, spacing: Spacing, steps: int, low: float, high: float, rho: float
) -> None:
    levels = noise_levels(schedule, steps, (low, high), rho=rho, spacing=spacing)
    assert len(levels) == steps + 1
    assert levels[-1] == 0.0
    assert all(above > below for above, below in pairwise(levels))
    assert low * 0.998 < levels[-2]
    assert levels[0] < high * 1.002


def test_the_schedule_of_karras() -> None:
    """The 18 levels of EDM on CIFAR-10: by hand at both ends, in the middle and one after the first."""
    levels = karras(18, 0.002, 80.0)
    assert levels[[0, -1]] == pytest.approx([80.0, 0.002])
    # 80^(1/7) = 1.87017, 0.002^(1/7) = 0.41157; less 1/17 of their difference is 1.78437, to the seventh 57.586.
    assert levels[1] == pytest.approx(57.586, abs=1e-3)
    assert karras(3, 0.002, 80.0)[1] == pytest.approx(((80 ** (1 / 7) + 0.002 ** (1 / 7)) / 2) ** 7)
    assert karras(1, 0.002, 80.0).tolist() == [80.0]


def test_a_larger_rho_is_denser_at_low_noise() -> None:
    assert karras(3, 0.01, 10, rho=1)[1] == pytest.approx(5.005)
    assert karras(3, 0.01, 10, rho=7)[1] < karras(3, 0.01, 10, rho=3)[1] < 5.005


def test_uniform_log_snr() -> None:
    assert uniform_log_snr(3, 0.01, 100.0) == pytest.approx([100.0, 1.0, 0.01])


def test_the_linear_betas_of_ho() -> None:
    betas = linear_betas()
    assert (betas[0], betas[-1], len(betas)) == (1e-4, 0.02, 1000)
    sigmas = sigmas_of(betas)
    # sigma_1^2 = beta_1 / (1 - beta_1); the last is the largest sigma of diffusers for this process.
    assert sigmas[0] == pytest.approx(np.sqrt(1e-4 / 0.9999))
    assert sigmas[-1] == pytest.approx(157.407, abs=1e-2)
    assert 1 / (1 + sigmas[-1] ** 2) == pytest.approx(4.04e-5, rel=0.01)


def test_the_cosine_betas_of_nichol_and_dhariwal() -> None:
    betas = cosine_betas()
    assert betas[-1] == 0.999
    alpha_bar = 1 / (1 + sigmas_of(betas) ** 2)
    # Equation 17 half way: f(t) = cos^2((t / T + s) / (1 + s) pi / 2), over f(0).
    half = np.cos((0.5 + 0.008) / 1.008 * np.pi / 2) ** 2 / np.cos(0.008 / 1.008 * np.pi / 2) ** 2
    assert alpha_bar[499] == pytest.approx(half, rel=1e-9)
    assert half == pytest.approx(0.4938, abs=1e-4)


@pytest.mark.parametrize(
    ("spacing", "expected"),
    [
        ("leading", [901, 801, 701, 601, 501, 401, 301, 201, 101, 1]),
        ("linspace", [1000, 889, 778, 667, 556, 445, 334, 223, 112, 1]),
        ("trailing", [1000, 900, 800, 700, 600, 500, 400, 300, 200, 100]),
    ],
)
def test_the_spacings_of_lin(spacing: Spacing, expected: list[int]) -> None:
    """Lin et al. 2024, table 2, for T = 1000 and S = 10."""
    assert time_steps(10, 1000, spacing).tolist() == expected


@pytest.mark.parametrize("spacing", get_args(Spacing))
def test_as_many_steps_as_there_are(spacing: Spacing) -> None:
    assert time_steps(1000, 1000, spacing).tolist() == list(range(1000, 0, -1))


def test_one_step_starts_at_the_most_noise() -> None:
    assert [time_steps(1, 1000, spacing).tolist() for spacing in ("linspace", "trailing")] == [[1000], [1000]]


def test_a_model_with_the_range_of_the_schedule_has_all_of_it() -> None:
    sigmas = sigmas_of(linear_betas())
    rounded = (float(np.float32(sigmas[0])), float(np.float32(sigmas[-1])))
    assert noise_levels("linear_beta", 1000, rounded) == [*sigmas[::-1].tolist(), 0.0]


def test_a_narrower_model_has_the_part_within_its_range() -> None:
    levels = noise_levels("linear_beta", 10, (0.02, 20.0))
    assert levels[0] == pytest.approx(20, rel=0.02)
    with pytest.raises(NotApplicable, match="990 steps are asked for, but the schedule linear_beta has 766"):
        noise_levels("linear_beta", 990, (0.02, 20.0))


@pytest.mark.parametrize("sigma_range", [(0.0, 1.0), (2.0, 1.0), (float("nan"), 1.0), (0.1, float("inf"))])
def test_a_range_that_is_none(sigma_range: tuple[float, float]) -> None:
    with pytest.raises(InvalidOutput, match="sigma_range"):
        noise_levels("karras", 10, sigma_range)
