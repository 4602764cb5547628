"""Features of samples and data by extractors, and predictions of a judge for the samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.api import Classifier, Context, Extractor, InvalidOutput
from harness.api.instruments import LANES
from harness_generative.task.conditions import Conditions
from harness_generative.task.counted_generator import shape_of
from harness_generative.task.image_sets import Array, ImageSet


def _in_batches(function: Callable[[Tensor], Any], inputs: Tensor | ImageSet, ctx: Context) -> Iterator[Any]:
    """Apply a function to inputs batch by batch, each filled up to a multiple of `LANES`."""
    size = ctx.batch_size
    for batch in inputs.split(size) if isinstance(inputs, Tensor) else inputs.windows(size):
        filled = torch.cat([batch, batch[-1:].expand(-len(batch) % LANES, *batch.shape[1:])])
        made = function(filled.to(ctx.device))
        yield made[: len(batch)] if isinstance(made, Tensor) and len(made) == len(filled) else made


def extracted(extractor: Extractor, label: str, inputs: Tensor | ImageSet, name: str, ctx: Context) -> Array:
    """Features `[n, d]`, checked. Raises InvalidOutput."""
    # Not joined in the end, when parts and whole would be there at once.
    features, n = torch.empty(0), 0
    for made in _in_batches(extractor, inputs, ctx):
        if not isinstance(made, Tensor) or made.dim() != 2:
            raise InvalidOutput(f"extractor {label} returned {shape_of(made)} for {name}; features must be [n, d]")
        features = features if n else torch.empty(len(inputs), made.shape[1])
        features[n : n + len(made)] = made.float()[: len(inputs) - n]
        n += len(made)
    if n != len(inputs):
        raise InvalidOutput(f"extractor {label} returned {n} rows for {len(inputs)} inputs")
    broken = int((~features.isfinite().all(dim=1)).sum())
    if broken:
        raise InvalidOutput(f"extractor {label} gave features that are not finite for {broken} of {name}")
    if len(features) > 1 and bool((features == features[0]).all()) and not _all_equal(inputs):
        raise InvalidOutput(f"extractor {label} gave the same features for all of {name}; no distance can be measured")
    return np.asarray(features.numpy())


def _all_equal(inputs: Tensor | ImageSet) -> bool:
    return bool((inputs == inputs[0]).all()) if isinstance(inputs, Tensor) else len(set(inputs.hashes)) == 1


def judged(judge: Classifier, samples: Tensor | ImageSet, facts: Mapping[str, Any], ctx: Context) -> Array:
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


def judged_columns(probabilities: Array, asked: Conditions, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of the judge's prediction for every sample, and whether it is the requested condition."""
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
