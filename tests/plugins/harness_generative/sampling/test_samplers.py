"""The sampler components: guidance, noise by sample, passes, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.api import Context, NotApplicable, SampleBatch
from harness.testing import signature_of
from harness_generative.sampling.samplers import DDIM, Ancestral, DPMpp2M, Euler, Heun, OneShotSampler

SHAPE = (1, 2, 2)


class Counting:
    """A Gaussian whose mean is what is asked for; counts the rows that it is given and notes their levels."""

    latent_shape = SHAPE
    sigma_range = (0.02, 20.0)

    def __init__(self) -> None:
        self.rows = 0
        self.levels: list[float] = []
        self.unasked: list[float] = []

    def denoise(self, x: Tensor, sigma: Tensor, conditions: Tensor | None) -> Tensor:
        assert sigma.shape == (len(x),)
        assert sigma.dtype == x.dtype
        self.rows += len(x)
        (self.unasked if conditions is None else self.levels).append(float(sigma[0]))
        mean = 0.0 if conditions is None else conditions[:, None, None, None].to(x)
        return mean + (x - mean) / (1 + sigma[:, None, None, None] ** 2)

    def decode(self, x: Tensor) -> Tensor:
        return x / 2 + 0.5

    def encode(self, inputs: Tensor) -> Tensor:
        return 2 * inputs - 1

    def generate(self, noise: Tensor, conditions: Tensor | None) -> Tensor:
        self.rows += len(noise)
        return noise if conditions is None else noise + conditions[:, None, None, None]


def batch(n: int, ctx: Context, *, first: int = 0, asked: bool = True) -> SampleBatch:
    ids = [f"sample-{i:05d}" for i in range(first, first + n)]
    conditions = torch.tensor([float(int(name[-1]) % 3) for name in ids])
    return SampleBatch(ids, ctx.normal(ids, SHAPE, "noise"), conditions if asked else None)


SAMPLERS: list[tuple[Any, int]] = [
    (OneShotSampler(), 1),
    (Ancestral(steps=10), 10),
    (DDIM(steps=10, eta=0.5), 10),
    (Euler(steps=10), 10),
    (Heun(steps=10, s_churn=4.0), 19),
    (Heun(steps=1), 1),
    (DPMpp2M(steps=10), 10),
    (Ancestral(steps=10, guidance=2.0), 20),
    (DDIM(steps=10, guidance=2.0), 20),
    (Euler(steps=10, guidance=2.0), 20),
    (Heun(steps=10, guidance=2.0), 38),
    (DPMpp2M(steps=10, guidance=2.0), 20),
]
NAMES = [f"{type(sampler).__name__}-{passes}" for sampler, passes in SAMPLERS]


@pytest.mark.parametrize(("sampler", "passes"), SAMPLERS, ids=NAMES)
def test_passes_through_the_model(sampler: Any, passes: int) -> None:
    model, ctx = Counting(), Context()
    made = sampler.sample(model, batch(6, ctx), ctx)
    assert model.rows == 6 * passes
    assert made.shape == (6, *SHAPE)
    assert made.dtype == torch.float32


@pytest.mark.parametrize(("sampler", "passes"), SAMPLERS, ids=NAMES)
def test_a_sample_does_not_depend_on_its_batch(sampler: Any, passes: int) -> None:
    ctx = Context(seed=3)

    def in_batches_of(size: int) -> Tensor:
        starts = range(0, 64, size)
        made = [sampler.sample(Counting(), batch(min(size, 64 - start), ctx, first=start), ctx) for start in starts]
        return torch.cat(made)

    whole = in_batches_of(64)
    assert torch.allclose(in_batches_of(1), whole, atol=1e-5)
    assert torch.allclose(in_batches_of(7), whole, atol=1e-5)


@pytest.mark.parametrize("sampler", [Ancestral(steps=10), DDIM(steps=10, eta=1.0), Heun(steps=10, s_churn=4.0)])
def test_fresh_noise_belongs_to_seed_sample_and_step(sampler: Any) -> None:
    asked = SampleBatch(["a", "b"], torch.ones(2, *SHAPE))
    first, again, other = (sampler.sample(Counting(), asked, Context(seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert not torch.allclose(first[0], first[1]), "the same noise at the start, but not later"


@pytest.mark.parametrize("sampler", [DDIM(steps=10), Euler(steps=10), Heun(steps=10), DPMpp2M(steps=10)])
def test_the_others_draw_nothing(sampler: Any) -> None:
    asked = SampleBatch(["a", "b"], torch.ones(2, *SHAPE))
    first, other = (sampler.sample(Counting(), asked, Context(seed=seed)) for seed in (0, 1))
    assert torch.equal(first, other)
    assert torch.equal(first[0], first[1])


def test_one_step_of_guidance_by_hand() -> None:
    """D = D(no condition) + w (D(condition) - D(no condition)), and one step to 0 ends at D."""
    model, ctx = Counting(), Context()
    asked = SampleBatch(["a"], torch.full((1, *SHAPE), 0.1), torch.tensor([2.0]))
    made = Euler(steps=1, guidance=3.0).sample(model, asked, ctx)
    x, shrink = 20 * 0.1, 1 / (1 + 20.0**2)
    without, with_it = x * shrink, 2 + (x - 2) * shrink
    expected = (without + 3 * (with_it - without)) / 2 + 0.5
    assert made.flatten().tolist() == pytest.approx([expected] * 4, abs=1e-5)


def test_guidance_within_an_interval() -> None:
    model, ctx = Counting(), Context()
    Euler(steps=20, guidance=2.0, guidance_low=0.3, guidance_high=5.0).sample(model, batch(4, ctx), ctx)
    assert len(model.levels) == 20
    assert model.unasked == [level for level in model.levels if 0.3 < level <= 5.0]
    assert 0 < len(model.unasked) < 20


def test_guidance_needs_conditions() -> None:
    ctx = Context()
    with pytest.raises(NotApplicable, match="guidance 2 needs conditions"):
        DDIM(steps=5, guidance=2.0).sample(Counting(), batch(2, ctx, asked=False), ctx)


def test_more_steps_than_the_schedule_has() -> None:
    ctx = Context()
    with pytest.raises(NotApplicable, match="1000 steps are asked for"):
        Ancestral(steps=1000).sample(Counting(), batch(2, ctx), ctx)


def test_sampling_starts_at_the_largest_noise_of_the_model() -> None:
    model, ctx = Counting(), Context()
    Heun(steps=8).sample(model, batch(2, ctx), ctx)
    assert model.levels[0] == 20.0
    assert model.levels[-1] == pytest.approx(0.02)


@pytest.mark.parametrize("sampler", [Ancestral(steps=100), DDIM(), Euler(), Heun(), DPMpp2M()])
def test_defaults_draw_what_the_model_holds(sampler: Any) -> None:
    """Data with mean 0 and variance 1."""
    ctx = Context()
    made = Counting().encode(sampler.sample(Counting(), batch(1000, ctx, asked=False), ctx))
    assert float(made.mean()) == pytest.approx(0, abs=4 / math.sqrt(4000))
    assert float(made.var()) == pytest.approx(1, abs=0.1)


def test_churn_acts_between_its_bounds() -> None:
    ctx, quiet = Context(), Counting()
    Heun(steps=8).sample(quiet, batch(2, ctx), ctx)
    churned = Counting()
    Heun(steps=8, s_churn=2.0, s_min=0.1, s_max=5.0).sample(churned, batch(2, ctx), ctx)
    raised = {before for before, after in zip(quiet.levels, churned.levels, strict=True) if after != before}
    assert raised
    assert all(0.1 <= level <= 5.0 for level in raised)


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("ddpm", set()),
        ("ddim", {"eta"}),
        ("euler", set()),
        ("heun", {"s_churn", "s_min", "s_max", "s_noise"}),
        ("dpmpp_2m", set()),
    ],
)
def test_the_parameters_are_documented(name: str, own: set[str]) -> None:
    signature = signature_of("sampler", name)
    shared = {"steps", "schedule", "rho", "spacing", "guidance", "guidance_low", "guidance_high"}
    assert {parameter.name for parameter in signature.parameters} == shared | own
    assert all(parameter.doc and not parameter.required for parameter in signature.parameters)
    assert signature.needs["model"].protocol == "Denoiser"


def test_one_shot_needs_a_model_of_one_pass() -> None:
    signature = signature_of("sampler", "one_shot")
    assert signature.needs["model"].members == ("generate",)


def test_one_shot_passes_on_what_is_asked_for() -> None:
    ctx = Context()
    asked = batch(6, ctx)
    assert asked.conditions is not None
    made = OneShotSampler().sample(Counting(), asked, ctx)
    assert torch.equal(made, asked.noise + asked.conditions[:, None, None, None])


@pytest.mark.parametrize("make", [Ancestral, DDIM, Euler, Heun, DPMpp2M])
def test_samplers_are_values(make: Callable[..., Any]) -> None:
    assert make(steps=3) == make(steps=3)
    assert make(steps=3) != make(steps=4)
