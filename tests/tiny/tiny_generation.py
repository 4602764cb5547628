"""A plugin with the smallest generative models, samplers and extractors that there can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from harness.api import (
    Component,
    Context,
    Denoiser,
    Estimate,
    Examples,
    NotApplicable,
    OneShot,
    Records,
    SampleBatch,
    hookimpl,
)


def images(split: str = "held_out", n: int = 30, leak: int = 0) -> Examples:
    """Digits in two classes, dark and bright.

    Args:
        split: which part.
        n: how many.
        leak: how many of the first held-out examples are training examples.
    """
    pixels = load_digits().images.astype(np.float32)[:, None] / 16.0
    start = 0 if split == "train" else 200
    rows = [i if i - start >= leak or split == "train" else i - start for i in range(start, start + n)]
    return Examples(
        [f"{split}-{i}" for i in range(n)],
        {"inputs": pixels[rows], "labels": np.arange(n) % 2},
        groups={"parity": ["even", "odd"] * (n // 2)},
        facts={"classes": ["dark", "bright"], "levels": 17, "attributes": {"count": [1, 2]}},
    )


class Blobs:
    """One-shot: noise squeezed into the box.

    Args:
        how: what goes wrong.
    """

    latent_shape = (1, 8, 8)

    def __init__(self, how: str = "") -> None:
        self.how = how

    def generate(self, noise: Tensor, conditions: Tensor | None) -> Tensor:
        made = noise.sigmoid()
        if conditions is not None:
            made = made * 0.2 + 0.6 * conditions[:, None, None, None]
        if self.how == "nan":
            made[3] = torch.nan
        if self.how == "outside":
            made = 3 * made
        if self.how == "few":
            made = made[1:]
        if self.how == "shape":
            made = made[..., :4]
        return made


class AskedBlobs(Blobs):
    """Blobs that are bright if asked to be."""

    def encode_conditions(self, conditions: Sequence[Any]) -> Tensor:
        if not all(isinstance(each, int) for each in conditions):
            raise NotApplicable("classes only")
        return torch.tensor(conditions)


class Halving:
    """A denoiser that halves what it is given."""

    latent_shape = (1, 8, 8)
    sigma_range = (0.1, 10.0)

    def denoise(self, x: Tensor, sigma: Tensor, conditions: Tensor | None) -> Tensor:
        return x / 2

    def decode(self, x: Tensor) -> Tensor:
        return x.sigmoid()

    def encode(self, inputs: Tensor) -> Tensor:
        return inputs.clamp(0.01, 0.99).logit()


class Given:
    """The first training examples, made elsewhere.

    Args:
        first: the class that the first one was made for.
    """

    latent_shape = ()

    def __init__(self, first: int = 0) -> None:
        self.first = first

    def generate(self, noise: Tensor, conditions: Tensor | None) -> Tensor:
        raise NotApplicable("these samples are given")

    def given(self, rows: Sequence[int]) -> Tensor:
        return torch.as_tensor(images("train").columns["inputs"][list(rows)])

    def given_conditions(self, rows: Sequence[int]) -> list[int]:
        return [row % 2 if row else self.first for row in rows]


class Direct:
    """One pass."""

    def sample(self, model: OneShot, batch: SampleBatch, ctx: Context) -> Tensor:
        return model.generate(batch.noise, batch.conditions)


class Steps:
    """Three passes for a sample, one of them twice."""

    def sample(self, model: Denoiser, batch: SampleBatch, ctx: Context) -> Tensor:
        x = 10 * batch.noise
        for sigma in (10.0, 10.0, 1.0, 0.1):
            x = model.denoise(x, x.new_full((len(x),), sigma), batch.conditions)
            x = x + 0.01 * ctx.normal(batch.ids, x.shape[1:], "step", str(sigma))
        return model.decode(x)


class Halves:
    """Mean of the upper and of the lower half.

    Args:
        constant: say the same of everything.
    """

    def __init__(self, constant: bool = False) -> None:
        self.constant = constant

    def __call__(self, inputs: Tensor) -> Tensor:
        found = torch.stack([inputs[:, 0, :4].mean((1, 2)), inputs[:, 0, 4:].mean((1, 2))], dim=1)
        return found * 0 if self.constant else found


class Brightness:
    """Bright above a half."""

    def __call__(self, inputs: Tensor) -> Tensor:
        level = inputs.flatten(1).mean(1)
        return torch.stack([0.5 - level, level - 0.5], dim=1) * 50


class Count:
    """How many records."""

    columns = ("row",)
    direction = "none"
    unit = ""

    def estimate(self, records: Records) -> Estimate:
        return Estimate(float(len(records.artifact("generated_halves"))), None, None, 0.95, "count", len(records))


@hookimpl
def harness_components() -> list[Component]:
    """Declare them."""

    def of(kind: Any, name: str, target: str) -> Component:
        return Component(kind, name, f"{__name__}:{target}", target)

    return [
        of("dataset", "photos", "images"),
        of("model", "blobs", "Blobs"),
        of("model", "asked_blobs", "AskedBlobs"),
        of("model", "halving", "Halving"),
        of("model", "given", "Given"),
        of("model", "brightness", "Brightness"),
        of("sampler", "direct", "Direct"),
        of("sampler", "steps", "Steps"),
        of("extractor", "halves", "Halves"),
        of("metric", "count", "Count"),
    ]
