"""Sampling: the conditions of each sample, its noise, passes and seconds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.api import Conditional, Context, Dataset, GivenSamples, InvalidOutput, SampleBatch, Sampler
from harness.api.instruments import LANES, seeded
from harness_generative.task.counted_generator import CountedGenerator, Trace, shape_of


@dataclass(frozen=True)
class Conditions:
    """The conditions of each sample.

    Attributes:
        values: classes or prompts as the model takes them; None if it cannot be asked.
        texts: in words, or None.
        classes: `[n]` the class that is asked for, or None.
        groups: group columns of the reference rows that were asked for.
    """

    values: Sequence[Any] | None
    texts: list[str | None]
    classes: list[int | None]
    groups: dict[str, list[Any]]

    @classmethod
    def of(cls, model: object, data: Dataset, n: int) -> Conditions:
        unasked = cls(None, [None] * n, [None] * n, {})
        if isinstance(model, GivenSamples):
            # Samples made elsewhere say themselves what they were asked for.
            labels = model.given_conditions(range(n))
            if labels is None:
                return unasked
            names = _class_names(data)
            for row, label in enumerate(labels):
                if not 0 <= label < len(names):
                    raise InvalidOutput(
                        f"sample-{row:05d} was made for class {label}, but the reference data have {len(names)} "
                        f"classes, 0 to {len(names) - 1}; give the samples labels of these classes, or none"
                    )
            return cls(None, [str(names[label]) for label in labels], [int(label) for label in labels], {})
        if not isinstance(model, Conditional):
            return unasked
        rows = [i % len(data.ids) for i in range(n)]
        columns = data.take(rows)
        if "labels" not in columns:
            return unasked
        classes = [int(label) for label in columns["labels"]]
        names = _class_names(data)
        prompts = columns.get("prompts")
        values: Sequence[Any] = list(prompts) if prompts is not None else classes
        texts = [str(value) for value in prompts] if prompts is not None else [str(names[label]) for label in classes]
        groups = {f"group.{name}": [column[i] for i in rows] for name, column in data.groups.items()}
        return cls(values, list(texts), list(classes), groups)


def _class_names(data: Dataset) -> Sequence[Any]:
    names: Sequence[Any] = data.facts.get("classes", ())
    if not len(names):
        raise InvalidOutput("samples are asked for classes, but the reference data lack the fact 'classes'")
    return names


@dataclass(frozen=True)
class Drawn:
    """Samples `[n, ...]` on the CPU, with the batch of each, and its passes and seconds if known."""

    samples: Tensor
    batch: npt.NDArray[np.int64]
    trace: Trace
    nfe: npt.NDArray[np.float64] | None = None
    seconds: npt.NDArray[np.float64] | None = None


def given_samples(model: GivenSamples, n: int) -> Drawn:
    """Samples that exist already: nothing is drawn, and their cost is unknown."""
    samples = torch.as_tensor(model.given(range(n))).float().cpu()
    if len(samples) != n:
        raise InvalidOutput(f"the model gave {len(samples)} samples where {n} were asked for")
    return Drawn(samples, np.zeros(n, dtype=np.int64), Trace())


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
            None if asked.values is None else _encoded(model, [asked.values[i] for i in filled], ctx),
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


def _encoded(model: Any, values: Sequence[Any], ctx: Context) -> Tensor:
    encoded = model.encode_conditions(values)
    if not isinstance(encoded, Tensor) or len(encoded) != len(values):
        raise InvalidOutput(f"the model encoded {len(values)} conditions as {type(encoded).__name__}, not [n, ...]")
    return encoded.to(ctx.device)


def _clock(device: str) -> float:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return time.perf_counter()
