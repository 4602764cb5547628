"""What the strips show: the prediction by which a sampler steps, its noise levels, and the sample at the end."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from torch import Tensor

from harness.api import Context, SampleBatch
from harness_generative.sampling.noise_levels import noise_levels
from harness_generative.sampling.samplers import DDIM, Ancestral, DPMpp2M, Euler, Heun
from harness_generative.task.conditions import Conditions
from harness_generative.task.counted_generator import WATCHED, Trace
from harness_generative.task.sample_grids import denoising_strip, is_drawable, noising_strip
from harness_generative.task.sampling import draw_samples

N = 8
ONES = Conditions("classes", [1] * N, ["one"] * N, [1] * N, {})


class Two:
    """Sees 1 where it is asked and -1 where it is not: guidance of 2 steps to 3."""

    latent_shape, sigma_range = (1, 4, 4), (0.02, 20.0)

    def encode_conditions(self, values: Any) -> Tensor:
        return torch.tensor(values)

    def denoise(self, x: Tensor, sigma: Tensor, conditions: Tensor | None) -> Tensor:
        return torch.full_like(x, -1.0 if conditions is None else 1.0)

    def decode(self, x: Tensor) -> Tensor:
        return x

    encode = decode


def trace(sampler: Any, asked: Conditions = ONES) -> Trace:
    ctx = Context()
    return draw_samples(Two(), sampler, [str(i) for i in range(N)], asked, ctx, ctx).trace


SAMPLERS = [Heun, Euler, DPMpp2M, DDIM, Ancestral]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_guided_prediction_is_shown(sampler: Any) -> None:
    found = trace(sampler(steps=5, schedule="karras", guidance=2.0))
    assert found.sigmas == pytest.approx(noise_levels("karras", 5, (0.02, 20.0))[:-1])
    assert all(bool((each == 3).all()) for each in found.denoised)
    assert found.final is not None
    assert found.final.shape == (WATCHED, 1, 4, 4)
    assert torch.allclose(found.final, torch.full((WATCHED, 1, 4, 4), 3.0), atol=1e-4)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("asked", "seen"), [(ONES, 1.0), (Conditions.nothing(N), -1.0)])
def test_without_guidance_it_is_that_of_the_model(sampler: Any, asked: Conditions, seen: float) -> None:
    found = trace(sampler(steps=4, schedule="karras"), asked)
    assert len(found.sigmas) == 4
    assert all(bool((each == seen).all()) for each in found.denoised)


def test_guidance_within_an_interval_is_shown_where_it_acts() -> None:
    found = trace(Euler(steps=6, guidance=2.0, guidance_low=1.0))
    assert [float(each[0, 0, 0, 0]) for each in found.denoised] == [3.0 if s > 1 else 1.0 for s in found.sigmas]


def test_noise_that_is_put_back_adds_no_steps() -> None:
    found = trace(Heun(steps=6, s_churn=20.0))
    assert len(found.sigmas) == 6
    assert found.sigmas == sorted(found.sigmas, reverse=True)


def test_a_sampler_that_guides_by_itself_shows_the_conditional_prediction() -> None:
    """It does not say by what it steps; of its two passes the conditional one is nearer."""

    class Own:
        def sample(self, model: Any, batch: SampleBatch, ctx: Context) -> Tensor:
            x = 20 * batch.noise
            for sigma in (20.0, 2.0):
                level = torch.full((len(x),), sigma)
                asked, unasked = model.denoise(x, level, batch.conditions), model.denoise(x, level, None)
                x = unasked + 2 * (asked - unasked)
            out: Tensor = model.decode(x)
            return out

    found = trace(Own())
    assert [float(each[0, 0, 0, 0]) for each in found.denoised] == [1.0, 1.0]


def shown(png: bytes) -> Any:
    return imread(io.BytesIO(png))[..., 0]


def test_strips_have_a_column_for_each_step_and_one_without_noise() -> None:
    """Black images on white: the first row has T + 1 of them, the row of predictions T."""
    steps = 4
    dark = [torch.zeros(WATCHED, 1, 8, 8)] * steps
    found = Trace([20.0, 5.0, 1.0, 0.1], dark, dark, torch.zeros(WATCHED, 1, 8, 8))

    def columns(png: bytes) -> set[int]:
        """How many black images stand beside each other, over all lines of pixels; text has shorter runs."""
        counts = set()
        for line in shown(png) < 0.05:
            edges = np.flatnonzero(np.diff(np.r_[False, line, False].astype(int))).reshape(-1, 2)
            counts.add(int((edges[:, 1] - edges[:, 0] > 20).sum()))
        return counts

    assert columns(denoising_strip(found, lambda x: x)) == {0, steps, steps + 1}
    found.final = None
    assert columns(denoising_strip(found, lambda x: x)) == {0, steps}
    clean = noising_strip(torch.zeros(2, 1, 8, 8), found, lambda x: x, lambda x: 0 * x)
    assert columns(clean) == {0, steps + 1}


def test_bands_are_no_images() -> None:
    assert is_drawable(torch.zeros(2, 1, 8, 128))
    assert not is_drawable(torch.zeros(2, 1, 1, 512))
    assert not is_drawable(torch.zeros(2, 2, 8, 8))
