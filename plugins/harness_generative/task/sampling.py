"""Sampling: the noise of each sample, its passes and seconds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.api import Context, GivenFeatures, GivenSamples, InvalidOutput, SampleBatch, Sampler
from harness.api.instruments import LANES, seeded
from harness_generative.task.conditions import Conditions
from harness_generative.task.counted_generator import CountedGenerator, Trace, shape_of
from harness_generative.task.image_sets import Array
from harness_generative.task.references import checked_features


@dataclass(frozen=True)
class Drawn:
    """Samples `[n, ...]` on the CPU, with the batch of each, and its passes and seconds if known.

    Of samples that are given as features `[n, d]` there are no images.
    """

    samples: Tensor | None
    batch: npt.NDArray[np.int64]
    trace: Trace
    nfe: npt.NDArray[np.float64] | None = None
    seconds: npt.NDArray[np.float64] | None = None
    features: Array | None = None


def given_samples(model: GivenSamples, n: int) -> Drawn:
    """Samples that exist already: nothing is drawn, and their cost is unknown."""
    samples = torch.as_tensor(model.given(range(n))).float().cpu()
    if len(samples) != n:
        raise InvalidOutput(f"the model gave {len(samples)} samples where {n} were asked for")
    return Drawn(samples, np.zeros(n, dtype=np.int64), Trace())


def given_features(model: GivenFeatures, n: int) -> Drawn:
    """Samples of which there are but features. Raises InvalidOutput where these are no table of n rows."""
    features = checked_features(model.given_features(range(n)), "the samples")
    if len(features) != n:
        raise InvalidOutput(f"the model gave features of {len(features)} samples where {n} were asked for")
    return Drawn(None, np.zeros(n, dtype=np.int64), Trace(), features=features)


def draw_samples(
    model: object, sampler: Sampler, ids: Sequence[str], asked: Conditions, draws: Context, ctx: Context
) -> Drawn:
    """Run the sampler, batch by batch.

    Batches are filled up to a multiple of `LANES` with copies of their last sample, so that a sample's bits do not
    depend on its company.
    """
    counted = CountedGenerator(model)
    samples: list[Tensor] = []
    nfe, seconds, number = (np.zeros(len(ids)) for _ in range(3))
    for start in range(0, len(ids), ctx.batch_size):
        rows = list(range(start, min(start + ctx.batch_size, len(ids))))
        filled = rows + rows[-1:] * (-len(rows) % LANES)
        batch = SampleBatch(
            [ids[i] for i in filled],
            draws.normal([ids[i] for i in filled], tuple(counted.latent_shape), "noise"),
            asked.encoded(model, filled, ctx),
        )
        if not start:
            counted.warm_up(batch.noise, batch.conditions)
        began = _clock(ctx.device)
        with (
            torch.no_grad(),
            counted.batch(len(filled), watched=not start),
            seeded(ctx.derive_seed("batch", start), ctx.device),
        ):
            made = sampler.sample(counted, batch, ctx)
        took = _clock(ctx.device) - began
        if not isinstance(made, Tensor) or len(made) != len(filled):
            kind = type(sampler).__name__
            raise InvalidOutput(f"sampler {kind} returned {shape_of(made)} for {len(filled)} samples")
        samples.append(made[: len(rows)].detach().float().cpu())
        nfe[rows], seconds[rows], number[rows] = counted.passes, took / len(rows), start // ctx.batch_size
        ctx.progress(rows[-1] + 1, len(ids))
    return Drawn(torch.cat(samples), number.astype(np.int64), counted.trace, nfe, seconds)


def _clock(device: str) -> float:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return time.perf_counter()
