"""Generation: one record per sample that a generative model and a sampler make.

The core trusts neither. It draws the noise, counts the passes, checks and quantises the samples, extracts features of
samples and data alike, lets a judge look, and searches the training data for what a sample may have been copied from.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
from annotated_types import Ge, Le
from torch import Tensor

from harness.contract.cells import digest
from harness.contract.context import Context
from harness.contract.data import Dataset
from harness.contract.errors import InvalidOutput
from harness.contract.parameters import ComponentOf
from harness.contract.protocols import Classifier, Conditional, Extractor, Outcome, SampleBatch, Sampler
from harness.engine.building import seeded, state_digest
from harness.results.neighbours import nearest
from harness.tasks.counting import LANES
from harness.tasks.generator import WATCHED, CountedGenerator, Trace
from harness.tasks.sample_pictures import pictures, sampling_pictures
from harness.tasks.unchanged import left_unchanged

_OUTSIDE = 1e-3
"""How far beyond the box of the data a sample may lie, as a share of the box; it is clipped."""
_BYTE_LEVELS = 256
_LEAST = 2

Array = npt.NDArray[np.float32]


@dataclass
class _Images:
    """A dataset as the task needs it, with what was found out about it so far.

    Attributes:
        data: where it comes from.
        name: what messages call it.
        inputs: `[n, ...]`, float32 within the box.
        features: extractor label to `[n, d]`.
    """

    data: Dataset
    name: str
    inputs: Tensor
    features: dict[str, Array] = field(default_factory=dict)

    @cached_property
    def flat(self) -> Array:
        """The pixels as vectors `[n, pixels]`."""
        return np.ascontiguousarray(self.inputs.flatten(1).numpy())

    @cached_property
    def hashes(self) -> list[bytes]:
        """The hash of every example's pixels."""
        return [hashlib.sha256(row.tobytes()).digest() for row in self.flat]

    @cached_property
    def digest(self) -> str:
        """The hash of all pixels in their order."""
        return hashlib.sha256(b"".join(self.hashes)).hexdigest()


@dataclass(frozen=True)
class _Drawn:
    """What was made: samples `[n, ...]` on the CPU, and per sample its batch, its passes and seconds if known."""

    samples: Tensor
    batch: npt.NDArray[np.int64]
    trace: Trace
    nfe: npt.NDArray[np.float64] | None = None
    seconds: npt.NDArray[np.float64] | None = None


class Generate:
    """Draw samples, and measure on each what the metrics of generation need.

    Samples are asked for what the reference data show, row by row: prompts if the data have a column `prompts`, else
    classes; a model that cannot be asked is not. Noise depends on the sample's id and the seed, so all samplers start
    from the same. Samples are rounded to the grey levels of the data (`facts["levels"]`) before anything is measured.

    Args:
        features: feature extractors; the first one measures the distances to training examples.
        train: the data the models were trained on, to tell what is new from what is copied; it must share no example
            with the reference.
        judge: a classifier over the classes of the data that says what each sample shows.
        n: how many samples; by default as many as the reference has examples.
        overlap: the share of the reference that may also be among the training data, for published sets with a few
            duplicates.
    """

    def __init__(
        self,
        features: Annotated[Mapping[str, Extractor], ComponentOf("extractor", several=True)],
        train: Annotated[Dataset | None, ComponentOf("dataset")] = None,
        judge: Annotated[Classifier | None, ComponentOf("model")] = None,
        n: Annotated[int, Ge(_LEAST)] | None = None,
        overlap: Annotated[float, Ge(0), Le(1)] = 0.0,
    ) -> None:
        self._features, self._judge, self._n, self._overlap = features, judge, n, overlap
        self._train_data = train
        self._train: _Images | None = None
        self._reference: _Images | None = None

    def run(self, model: object, data: Dataset, sampler: Sampler, ctx: Context) -> Outcome:
        """One record per sample.

        Columns: id, seed (of its noise), row (its row in all arrays), condition, condition_class, nfe, seconds (its
        share of its batch), batch; with a judge judged, judge_confidence and correct_condition, and for each attribute
        of the classes `asked.<name>` and `judged.<name>`; with training data train_neighbour, train_distance,
        train_distance_2 (to the second nearest), train_neighbour_gap (from the nearest to its own nearest), all in
        the first extractor's features, and pixel_neighbour, pixel_distance, pixel_distance_2.

        Arrays: samples, judge_probabilities `[n, classes]`, and for each extractor generated_, reference_ and
        train_<label> `[examples, d]`.
        """
        reference, train = self._images(data)
        if train is not None:
            _check_disjoint(reference, train, self._overlap)
        n = self._n or len(reference.inputs)
        ids = [f"sample-{i:05d}" for i in range(n)]
        # Not scoped to the sampler: all samplers start from the same noise.
        draws = replace(ctx, scope=("generate",))
        asked = _Asked.of(model, data, n)
        with left_unchanged(model):
            drawn = _given(model, n) if hasattr(model, "given") else _draw(model, sampler, ids, asked, draws, ctx)
        samples = _checked(drawn.samples, reference, data.facts)
        columns: dict[str, Any] = {
            "id": ids,
            "seed": [draws.derive_seed("noise", name) for name in ids],
            "row": np.arange(n),
            "condition": asked.texts,
            "condition_class": asked.classes,
            "nfe": [None] * n if drawn.nfe is None else drawn.nfe,
            "seconds": [None] * n if drawn.seconds is None else drawn.seconds,
            "batch": drawn.batch,
            **asked.groups,
        }
        arrays: dict[str, Any] = {"samples": _stored(samples, data.facts)}
        with torch.no_grad():
            self._measure_features(samples, reference, train, arrays, ctx)
            if self._judge is not None:
                probabilities = _judged(self._judge, samples, data.facts, ctx)
                arrays["judge_probabilities"] = probabilities
                columns |= _verdicts(probabilities, asked, data.facts)
        if train is not None:
            columns |= self._neighbours(samples, train, arrays)
        drawings = pictures(samples, columns, data.facts.get("classes", ()), None if train is None else train.inputs)
        drawings |= sampling_pictures(drawn.trace, model, reference.inputs[:WATCHED], ctx.device)
        return Outcome(
            columns,
            self._protocol(n, reference, train, data.facts),
            cost={} if drawn.nfe is None else {"nfe": float(drawn.nfe.mean())},
            artifacts={**arrays, **drawings},
        )

    def _images(self, data: Dataset) -> tuple[_Images, _Images | None]:
        """The reference and the training data, kept with their features for the next cell."""
        if self._reference is None or self._reference.data is not data:
            self._reference = _Images(data, "the reference data", _inputs(data, "the reference data"))
        if self._train is None and self._train_data is not None:
            self._train = _Images(self._train_data, "the training data", _inputs(self._train_data, "the training data"))
        return self._reference, self._train

    def _measure_features(
        self, samples: Tensor, reference: _Images, train: _Images | None, arrays: dict[str, Any], ctx: Context
    ) -> None:
        for label, extractor in self._features.items():
            for images in (reference, train):
                if images is not None and label not in images.features:
                    images.features[label] = _extracted(extractor, label, images.inputs, images.name, ctx)
            arrays[f"generated_{label}"] = _extracted(extractor, label, samples, "the samples", ctx)
            arrays[f"reference_{label}"] = reference.features[label]
            if train is not None:
                arrays[f"train_{label}"] = train.features[label]

    def _neighbours(self, samples: Tensor, train: _Images, arrays: Mapping[str, Array]) -> dict[str, Any]:
        """The nearest training examples of every sample, in features and in pixels."""
        if len(train.inputs) <= _LEAST:
            raise InvalidOutput(f"the training data have {len(train.inputs)} examples; neighbours need at least 3")
        label = next(iter(self._features))
        known = train.features[label]
        distances, rows = nearest(arrays[f"generated_{label}"], known, 2)
        gaps, _ = nearest(known, known, 1, exclude_self=True)
        in_pixels, pixel_rows = nearest(np.ascontiguousarray(samples.flatten(1).numpy()), train.flat, 2)
        return {
            "train_neighbour": [train.data.ids[i] for i in rows[:, 0]],
            "train_distance": distances[:, 0],
            "train_distance_2": distances[:, 1],
            "train_neighbour_gap": gaps[rows[:, 0], 0],
            "pixel_neighbour": [train.data.ids[i] for i in pixel_rows[:, 0]],
            "pixel_neighbour_row": pixel_rows[:, 0],
            "pixel_distance": in_pixels[:, 0],
            "pixel_distance_2": in_pixels[:, 1],
        }

    def _protocol(self, n: int, reference: _Images, train: _Images | None, facts: Mapping[str, Any]) -> dict[str, Any]:
        """What must be equal before two qualities may be compared: never rank rows of different n."""
        return {
            "n_generated": n,
            "n_reference": len(reference.inputs),
            "n_train": None if train is None else len(train.inputs),
            "train": None if train is None else train.digest,
            "levels": facts.get("levels"),
            "features": {label: _identity(extractor) for label, extractor in self._features.items()},
            "judge": None if self._judge is None else _identity(self._judge),
            "classes": [str(name) for name in facts.get("classes", ())],
        }


@dataclass(frozen=True)
class _Asked:
    """What each sample is asked to show.

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
    def of(cls, model: object, data: Dataset, n: int) -> _Asked:
        unasked = cls(None, [None] * n, [None] * n, {})
        if hasattr(model, "given"):
            # Samples made elsewhere say themselves what they were asked for.
            labels = model.given_conditions(range(n)) if hasattr(model, "given_conditions") else None
            if labels is None:
                return unasked
            names = data.facts.get("classes", ())
            return cls(None, [str(names[label]) for label in labels], [int(label) for label in labels], {})
        if not isinstance(model, Conditional):
            return unasked
        rows = [i % len(data.ids) for i in range(n)]
        columns = data.take(rows)
        if "labels" not in columns:
            return unasked
        classes = [int(label) for label in columns["labels"]]
        names = data.facts["classes"]
        prompts = columns.get("prompts")
        values: Sequence[Any] = list(prompts) if prompts is not None else classes
        texts = [str(value) for value in prompts] if prompts is not None else [str(names[label]) for label in classes]
        groups = {f"group.{name}": [column[i] for i in rows] for name, column in data.groups.items()}
        return cls(values, list(texts), list(classes), groups)


def _inputs(data: Dataset, name: str) -> Tensor:
    """The inputs of a dataset on the CPU, checked. Raises InvalidOutput."""
    columns = data.take(range(len(data.ids)))
    if "inputs" not in columns:
        raise InvalidOutput(f"{name} lack the column 'inputs', which generation needs")
    inputs = torch.as_tensor(columns["inputs"])
    low, high = data.facts.get("box", (0.0, 1.0))
    if not inputs.is_floating_point() or not bool(torch.isfinite(inputs).all()):
        raise InvalidOutput(f"the inputs of {name} must be finite floating point numbers within [{low:g}, {high:g}]")
    if float(inputs.min()) < low or float(inputs.max()) > high:
        raise InvalidOutput(
            f"the inputs of {name} reach from {float(inputs.min()):g} to {float(inputs.max()):g}, "
            f"outside the box [{low:g}, {high:g}]"
        )
    return inputs.float().cpu()


def _check_disjoint(reference: _Images, train: _Images, allowed: float) -> None:
    """A model is judged by data that it has not seen. Raises InvalidOutput."""
    if reference.inputs.shape[1:] != train.inputs.shape[1:]:
        raise InvalidOutput(
            f"the reference data have shape {list(reference.inputs.shape[1:])}, "
            f"the training data {list(train.inputs.shape[1:])}"
        )
    known = set(train.hashes)
    shared = [i for i, each in enumerate(reference.hashes) if each in known]
    if len(shared) > allowed * len(reference.hashes):
        raise InvalidOutput(
            f"{len(shared)} of {len(reference.hashes)} reference examples are among the training data, first "
            f"{reference.data.ids[shared[0]]!r}; a copy of the training set would look perfect. Give held-out data, "
            "or the share that may be shared as `overlap` of the task"
        )


def _given(model: Any, n: int) -> _Drawn:
    """Samples that were made before: nothing is drawn, and what they cost is not known."""
    samples = torch.as_tensor(model.given(range(n))).float().cpu()
    if len(samples) != n:
        raise InvalidOutput(f"the model gave {len(samples)} samples where {n} were asked for")
    return _Drawn(samples, np.zeros(n, dtype=np.int64), Trace())


def _draw(model: object, sampler: Sampler, ids: Sequence[str], asked: _Asked, draws: Context, ctx: Context) -> _Drawn:
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
            got = f"shape {list(made.shape)}" if isinstance(made, Tensor) else f"a {type(made).__name__}"
            raise InvalidOutput(f"sampler {type(sampler).__name__} returned {got} for {len(filled)} samples")
        samples.append(made[: len(rows)].detach().float().cpu())
        nfe[rows], seconds[rows], number[rows] = counted.passes, took / len(rows), start // ctx.batch_size
        ctx.progress(rows[-1] + 1, len(ids))
    return _Drawn(torch.cat(samples), number.astype(np.int64), counted.trace, nfe, seconds)


def _encoded(model: Any, values: Sequence[Any], ctx: Context) -> Tensor:
    encoded = model.encode_conditions(values)
    if not isinstance(encoded, Tensor) or len(encoded) != len(values):
        raise InvalidOutput(f"the model encoded {len(values)} conditions as {type(encoded).__name__}, not [n, ...]")
    return encoded.to(ctx.device)


def _clock(device: str) -> float:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _checked(samples: Tensor, reference: _Images, facts: Mapping[str, Any]) -> Tensor:
    """The samples, clipped to the box and rounded to the grey levels of the data. Raises InvalidOutput."""
    expected = reference.inputs.shape[1:]
    if samples.shape[1:] != expected:
        raise InvalidOutput(f"samples have shape {list(samples.shape[1:])}, the reference data {list(expected)}")
    broken = ~samples.flatten(1).isfinite().all(dim=1)
    if broken.any():
        first = int(torch.nonzero(broken)[0])
        raise InvalidOutput(f"{int(broken.sum())} of {len(samples)} samples are not finite, first sample-{first:05d}")
    low, high = (float(end) for end in facts.get("box", (0.0, 1.0)))
    slack = _OUTSIDE * (high - low)
    if float(samples.min()) < low - slack or float(samples.max()) > high + slack:
        raise InvalidOutput(
            f"samples reach from {float(samples.min()):.4g} to {float(samples.max()):.4g}, "
            f"outside the box [{low:g}, {high:g}] of the data; a model's last step must end in it"
        )
    samples = samples.clamp(low, high)
    levels = facts.get("levels")
    if levels is None:
        return samples
    steps = int(levels) - 1
    return ((samples - low) / (high - low) * steps).round() / steps * (high - low) + low


def _stored(samples: Tensor, facts: Mapping[str, Any]) -> npt.NDArray[Any]:
    """8-bit images as bytes, all others as they are."""
    if facts.get("levels") != _BYTE_LEVELS or tuple(facts.get("box", (0.0, 1.0))) != (0.0, 1.0):
        return np.asarray(samples.numpy())
    return np.asarray((samples * (_BYTE_LEVELS - 1)).round().to(torch.uint8).numpy())


def _in_batches(function: Callable[[Tensor], Any], inputs: Tensor, ctx: Context) -> Iterator[Any]:
    """What a function makes of inputs, batch by batch, each filled up to a multiple of `LANES`."""
    for start in range(0, len(inputs), ctx.batch_size):
        batch = inputs[start : start + ctx.batch_size]
        filled = torch.cat([batch, batch[-1:].expand(-len(batch) % LANES, *batch.shape[1:])])
        made = function(filled.to(ctx.device))
        yield made[: len(batch)] if isinstance(made, Tensor) and len(made) == len(filled) else made


def _extracted(extractor: Extractor, label: str, inputs: Tensor, name: str, ctx: Context) -> Array:
    """Features `[n, d]`, checked. Raises InvalidOutput."""
    parts = []
    for made in _in_batches(extractor, inputs, ctx):
        if not isinstance(made, Tensor) or made.dim() != 2:
            got = f"shape {list(made.shape)}" if isinstance(made, Tensor) else f"a {type(made).__name__}"
            raise InvalidOutput(f"extractor {label} returned {got} for {name}; features must be [n, d]")
        parts.append(made.float().cpu())
    features = torch.cat(parts)
    if len(features) != len(inputs):
        raise InvalidOutput(f"extractor {label} returned {len(features)} rows for {len(inputs)} inputs")
    broken = int((~features.isfinite().all(dim=1)).sum())
    if broken:
        raise InvalidOutput(f"extractor {label} gave features that are not finite for {broken} of {name}")
    if len(features) > 1 and bool((features == features[0]).all()) and not bool((inputs == inputs[0]).all()):
        raise InvalidOutput(f"extractor {label} gave the same features for all of {name}; no distance can be measured")
    return np.asarray(features.numpy())


def _judged(judge: Classifier, samples: Tensor, facts: Mapping[str, Any], ctx: Context) -> Array:
    """The judge's probabilities `[n, classes]`. Raises InvalidOutput."""
    classes = len(facts.get("classes", ()))
    if not classes:
        raise InvalidOutput("the reference data lack the fact 'classes', which a judge needs")
    logits = torch.cat([made.float().cpu() for made in _in_batches(judge, samples, ctx)])
    if tuple(logits.shape) != (len(samples), classes):
        raise InvalidOutput(f"the judge returned {list(logits.shape)} for {len(samples)} samples and {classes} classes")
    if not bool(logits.isfinite().all()):
        raise InvalidOutput("the judge returned logits that are not finite")
    return np.asarray(logits.double().softmax(dim=1).float().numpy())


def _verdicts(probabilities: Array, asked: _Asked, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the judge says of every sample, and whether that was asked for."""
    judged = probabilities.argmax(axis=1)
    wanted = asked.classes
    columns: dict[str, Any] = {
        "judged": judged,
        "judge_confidence": probabilities.max(axis=1).astype(np.float64),
        "correct_condition": [None if w is None else bool(w == j) for w, j in zip(wanted, judged, strict=True)],
    }
    for name, values in facts.get("attributes", {}).items():
        columns[f"asked.{name}"] = [None if w is None else values[w] for w in wanted]
        columns[f"judged.{name}"] = [values[j] for j in judged]
    return columns


def _identity(component: object) -> str:
    """The hash of what a component computes with: its class and its weights; parameters are in the task's identity."""
    return digest([type(component).__qualname__, state_digest(component)])
