"""Passes counted at the networks, against loops whose number of passes is written down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, SampleBatch
from harness_generative.models.adversarial import GAN
from harness_generative.models.autoencoder import VAE
from harness_generative.models.diffusion_models import EDM
from harness_generative.sampling.samplers import DDIM, Heun, OneShotSampler
from harness_generative.task.conditions import Conditions
from harness_generative.task.sampling import draw_samples

N = 10


def passes(model: Any, sampler: Any = None, asked: Conditions | None = None, batch_size: int = 4) -> list[float]:
    """The passes of each of ten samples, drawn in batches of 4, 4 and 2 that are filled up to 8."""
    ids = [str(i) for i in range(N)]
    ctx = Context(batch_size=batch_size)
    drawn = draw_samples(model, sampler or OneShotSampler(), ids, asked or Conditions.nothing(N), ctx, ctx)
    assert drawn.nfe is not None
    return [round(float(each), 6) for each in drawn.nfe]


class UNet(nn.Module):
    """A network with a large block in it that is called once."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(4, 40), nn.ReLU(), nn.Linear(40, 4))

    def forward(self, x: Tensor, time: float = 0.0) -> Tensor:
        out: Tensor = self.block(x) + time
        return out


class Pipeline:
    """No module: encodes the text, ten steps with guidance, and decodes, all in one call."""

    latent_shape = (4,)

    def __init__(self, guidance: str = "two calls", steps: int = 10) -> None:
        self.text, self.unet, self.vae = nn.Linear(3, 3), UNet(), nn.Linear(4, 4)
        self.guidance, self.steps = guidance, steps

    def generate(self, noise: Tensor, conditions: Tensor | None = None) -> Tensor:
        x = noise + self.text(noise[:, :3]).sum(dim=1, keepdim=True)
        for step in range(self.steps):
            if self.guidance == "two calls":
                x = x + 0.01 * (self.unet(x, step) - self.unet(x))
            elif self.guidance == "doubled":
                x = x + 0.01 * self.unet(torch.cat([x, x]), time=step)[: len(x)]
            elif self.guidance == "one by one":
                x = torch.cat([self.unet(row[None]) for row in x])
            else:
                x = x + 0.01 * self.unet(x=x)
        decoded: Tensor = self.vae(x)
        return decoded


@pytest.mark.parametrize(("guidance", "each"), [("two calls", 2), ("doubled", 2), ("one by one", 1), ("none", 1)])
def test_a_loop_in_one_call_of_a_pipeline_is_counted(guidance: str, each: int) -> None:
    assert passes(Pipeline(guidance)) == [10.0 * each] * N


class Looping(nn.Module):
    """A module that loops in its own `forward`, which is all that `generate` calls."""

    latent_shape = (4,)

    def __init__(self) -> None:
        super().__init__()
        self.denoiser, self.small = UNet(), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(6):
            x = self.denoiser(self.small(self.small(x)))
        return x

    def generate(self, noise: Tensor, conditions: Tensor | None = None) -> Tensor:
        made: Tensor = self(noise)
        return made


def test_a_loop_inside_a_module_is_counted_and_a_small_shared_layer_is_not() -> None:
    assert passes(Looping()) == [6.0] * N


class Growing(Pipeline):
    """Takes more steps with every call, the first of which warms up."""

    def generate(self, noise: Tensor, conditions: Tensor | None = None) -> Tensor:
        self.steps += 1
        return super().generate(noise, conditions)


def test_each_sample_has_the_passes_of_its_own_batch() -> None:
    assert passes(Growing("none", steps=0)) == [2.0] * 4 + [3.0] * 4 + [4.0] * 2


class Points(nn.Module):
    """Works on the pieces of a sample as rows of their own."""

    latent_shape = (16, 4)

    def __init__(self) -> None:
        super().__init__()
        self.network = UNet()

    def generate(self, noise: Tensor, conditions: Tensor | None = None) -> Tensor:
        made: Tensor = self.network(noise.reshape(-1, 4)).reshape(noise.shape)
        return made


def test_pieces_of_a_sample_are_no_passes() -> None:
    assert passes(Points()) == [1.0] * N


def test_the_models_here_take_what_their_samplers_say() -> None:
    for one_shot in (GAN(), VAE(), GAN(conditional=True)):
        asked = Conditions("classes", [0] * N, [""] * N, [0] * N, {})
        assert passes(one_shot, asked=asked if hasattr(one_shot, "encode_conditions") else None) == [1.0] * N
    edm = EDM(network="mlp", channels=4)
    asked = Conditions("classes", [1] * N, [""] * N, [1] * N, {})
    assert passes(edm, DDIM(steps=3, schedule="karras"), asked) == [3.0] * N
    assert passes(edm, Heun(steps=3, guidance=2.0), asked) == [2.0 * (2 * 3 - 1)] * N


class Doubling(nn.Module):
    """A denoiser that guides itself: each call passes the network twice."""

    latent_shape, sigma_range = (4,), (0.1, 10.0)

    def __init__(self) -> None:
        super().__init__()
        self.network = UNet()

    def denoise(self, x: Tensor, sigma: Tensor, conditions: Tensor | None) -> Tensor:
        one, other = self.network(torch.cat([x, x])).chunk(2)
        guided: Tensor = other + 2 * (one - other)
        return guided.clamp(-1, 1)

    def decode(self, x: Tensor) -> Tensor:
        return x

    encode = decode


def test_a_denoiser_that_guides_itself_is_counted_twice() -> None:
    assert passes(Doubling(), DDIM(steps=5, schedule="karras")) == [10.0] * N


def test_counting_leaves_no_hooks_and_survives_a_model_that_fails() -> None:
    class Failing(Pipeline):
        def generate(self, noise: Tensor, conditions: Tensor | None = None) -> Tensor:
            super().generate(noise)
            raise RuntimeError("no more")

    pipeline = Failing()
    with pytest.raises(RuntimeError, match="no more"):
        passes(pipeline)
    pipeline = Pipeline()
    passes(pipeline)
    assert not any(module._forward_pre_hooks for module in pipeline.unet.modules())
    assert not nn.modules.module._global_forward_pre_hooks
    assert not nn.modules.module._global_forward_hooks
    # What is drawn does not depend on being counted.
    ids, ctx = ["a"] * 8, Context(batch_size=8)
    batch = SampleBatch(ids, ctx.normal(ids, (4,), "noise"), None)
    drawn = draw_samples(pipeline, OneShotSampler(), ids, Conditions.nothing(8), ctx, ctx)
    with torch.no_grad():
        assert np.array_equal(drawn.samples.numpy(), pipeline.generate(batch.noise).numpy())
