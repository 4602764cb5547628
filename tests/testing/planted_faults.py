"""Components with one fault each, which the conformance kit has to find."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.api import (
    Classifier,
    Component,
    Context,
    Dataset,
    Declarations,
    Estimate,
    Examples,
    ExplainedInputs,
    LabelledInputs,
    MeasuredCell,
    OneShot,
    Outcome,
    Records,
    Row,
    SampleBatch,
    ScoreAccess,
    Threat,
    hookimpl,
    mean,
    proportion,
)


@hookimpl
def harness_components() -> Iterable[Component]:
    attack = Declarations("attack", __name__, tasks={"classify"})
    model = Declarations("model", __name__, tasks={"classify"})
    dataset = Declarations("dataset", __name__)
    metric = Declarations("metric", __name__, tasks={"classify"})
    sampler = Declarations("sampler", __name__, tasks={"generate"})
    extractor = Declarations("extractor", __name__)
    attribution = Declarations("attribution", __name__, tasks={"explain"})
    aggregate = Declarations("aggregate", __name__, tasks={"classify"})
    reporter = Declarations("reporter", __name__)
    task = Declarations("task", __name__)
    example = "data: {use: digits, limit: 24}\nmodels: [shipped_digits]\nmetrics: [counted]"
    return [
        *(attack(name, f":{target}") for name, target in ATTACKS.items()),
        *(model(name, f":{target}") for name, target in MODELS.items()),
        *(dataset(name, f":{name}_data") for name in DATASETS),
        *(metric(name, f":{target}") for name, target in METRICS.items()),
        Declarations("metric", __name__)("counted", ":Counted"),
        *(sampler(name, f":{target}") for name, target in SAMPLERS.items()),
        *(extractor(name, f":{target}") for name, target in EXTRACTORS.items()),
        *(attribution(name, f":{target}") for name, target in ATTRIBUTIONS.items()),
        *(aggregate(name, f":{target}") for name, target in AGGREGATES.items()),
        *(reporter(name, f":{target}") for name, target in REPORTERS.items()),
        *(task(name, f":{target}", example=example) for name, target in TASKS.items()),
    ]


def noise() -> float:
    """A number that no seed makes the same again."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


ATTACKS = {"attack_by_batch": "AttackByBatch", "attack_nan": "AttackNaN", "attack_meddling": "AttackMeddling"}
MODELS = {
    "model_restless": "ModelRestless",
    "model_nan": "ModelNaN",
    "model_learning": "ModelLearning",
    "model_undocumented": "ModelUndocumented",
}
DATASETS = ("restless", "holes", "twice", "by_place", "short", "wordless")
METRICS = {
    "metric_upwards": "MetricUpwards",
    "metric_percent": "MetricPercent",
    "metric_of_a_number": "MetricOfANumber",
    "metric_restless": "MetricRestless",
    "metric_nan": "MetricNaN",
}
SAMPLERS = {"sampler_restless": "SamplerRestless", "sampler_by_batch": "SamplerByBatch", "sampler_nan": "SamplerNaN"}
EXTRACTORS = {
    "extractor_restless": "ExtractorRestless",
    "extractor_by_batch": "ExtractorByBatch",
    "extractor_nan": "ExtractorNaN",
}
ATTRIBUTIONS = {
    "attribution_restless": "AttributionRestless",
    "attribution_by_batch": "AttributionByBatch",
    "attribution_nan": "AttributionNaN",
}
AGGREGATES = {"aggregate_restless": "AggregateRestless", "aggregate_raising": "AggregateRaising"}
REPORTERS = {"reporter_raising": "ReporterRaising", "reporter_absent": "ReporterAbsent"}
TASKS = {
    "task_restless": "TaskRestless",
    "task_by_batch": "TaskByBatch",
    "task_undeclared": "TaskUndeclared",
    "task_nan": "TaskNaN",
    "task_untidy": "TaskUntidy",
}


class AttackByBatch:
    """Moves further where batches are large."""

    threat = Threat("linf", 0.2)

    def perturb(self, model: ScoreAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        return (batch.inputs + (0.2 if ctx.batch_size > 10 else 0.1)).clamp(batch.low, batch.high)


class AttackNaN(AttackByBatch):
    """Returns no numbers."""

    def perturb(self, model: ScoreAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        return torch.full_like(batch.inputs, torch.nan)


class AttackMeddling(AttackByBatch):
    """Leaves a setting of the process behind."""

    def perturb(self, model: ScoreAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        torch.use_deterministic_algorithms(not torch.are_deterministic_algorithms_enabled())
        return batch.inputs


class ModelRestless(nn.Module):
    """Answers something else every time."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, 640).reshape(64, 10))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.flatten(1) @ self.weight * (1 + noise())


class ModelNaN(ModelRestless):
    """Answers no number for dark images."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.flatten(1) @ self.weight / (inputs.flatten(1).mean(dim=1, keepdim=True) > 0.3) * torch.inf


class ModelLearning(ModelRestless):
    """Moves its weights while it is measured."""

    def forward(self, inputs: Tensor) -> Tensor:
        self.weight.data += 1e-3
        return inputs.flatten(1) @ self.weight


class ModelUndocumented(ModelRestless):
    """Does not say what its parameter is.

    Args:
        one: a number.
    """

    def __init__(self, one: float = 1.0, other: float = 2.0) -> None:
        super().__init__()


def _points(values: np.ndarray, ids: Sequence[str] | None = None, **facts: Any) -> Examples:
    columns = {"inputs": values.astype(np.float32), "labels": np.arange(len(values)) % 2}
    names = list(ids or [f"p{i}" for i in range(len(values))])
    return Examples(names, columns, facts={"classes": ["a", "b"], "box": [0.0, 1.0], **facts})


def restless_data() -> Examples:
    """Points that are others every time."""
    return _points(np.full((20, 2), noise()))


def holes_data() -> Examples:
    """Points of which one lacks a number."""
    values = np.full((20, 2), 0.5)
    values[7, 1] = np.nan
    return _points(values)


class Loose:
    """Examples whose constructor checks nothing."""

    def __init__(self, ids: Sequence[str], n: int, groups: Mapping[str, Sequence[Any]]) -> None:
        self.ids, self._n, self.groups = ids, n, groups
        self.facts: Mapping[str, Any] = {"classes": ["a", "b"]}

    def take(self, indices: Sequence[int]) -> Mapping[str, Any]:
        return {"inputs": np.zeros((len(indices), 2), np.float32), "labels": np.zeros(len(indices), np.int64)}


def twice_data() -> Loose:
    """Two examples with one id."""
    return Loose(["a", "a"], 2, {})


def short_data() -> Loose:
    """Three examples, and a group of two."""
    return Loose(["a", "b", "c"], 3, {"half": ["left", "right"]})


class ByPlace(Loose):
    """Examples that depend on which others are taken with them."""

    def take(self, indices: Sequence[int]) -> Mapping[str, Any]:
        inputs = np.repeat(np.arange(len(indices), dtype=np.float32)[:, None], 2, axis=1) / 100
        return {"inputs": inputs, "labels": np.zeros(len(indices), np.int64)}


def by_place_data() -> ByPlace:
    """Examples that are numbered as they are taken."""
    return ByPlace(["a", "b", "c"], 3, {})


def wordless_data() -> Examples:
    """Points with a fact that cannot be written down."""
    return _points(np.zeros((20, 2)), shape={1, 2})


class Counted:
    """All records, of whatever task."""

    columns = ("id",)
    direction = "none"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        return proportion(len(records), len(records))


class MetricUpwards:
    """Share of right answers, with a direction that there is not."""

    columns = ("correct",)
    direction = "up"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        return proportion(int(records["correct"].sum()), len(records))


class MetricPercent(MetricUpwards):
    """Share of right answers in percent, which says that it is a fraction."""

    direction = "max"

    def estimate(self, records: Records) -> Estimate:
        return mean(100.0 * records["correct"])


class MetricOfANumber(MetricUpwards):
    """Share of right answers, whose unit is a number."""

    direction = "max"
    unit = 1  # type: ignore[assignment]


class MetricRestless(MetricUpwards):
    """Is another one every time."""

    direction = "max"
    unit = ""

    def estimate(self, records: Records) -> Estimate:
        return mean(np.linspace(0, noise(), len(records)))


class MetricNaN(MetricUpwards):
    """Is no number."""

    direction = "max"

    def estimate(self, records: Records) -> Estimate:
        return replace(proportion(1, 2), value=float("nan"))


class SamplerRestless:
    """Adds noise that no seed makes the same again."""

    def sample(self, model: OneShot, batch: SampleBatch, ctx: Context) -> Tensor:
        return model.generate(batch.noise * (0.5 + noise()), batch.conditions)


class SamplerByBatch(SamplerRestless):
    """Takes from every sample what those beside it have."""

    def sample(self, model: OneShot, batch: SampleBatch, ctx: Context) -> Tensor:
        return model.generate(batch.noise - batch.noise.mean(dim=0), batch.conditions)


class SamplerNaN(SamplerRestless):
    """Divides by 0."""

    def sample(self, model: OneShot, batch: SampleBatch, ctx: Context) -> Tensor:
        return model.generate(batch.noise, batch.conditions) * torch.nan


class ExtractorRestless:
    """Features that are others every time."""

    def __call__(self, inputs: Tensor, /) -> Tensor:
        return inputs.flatten(1) * (1 + noise())


class ExtractorByBatch:
    """Features less their mean over the batch."""

    def __call__(self, inputs: Tensor, /) -> Tensor:
        features = inputs.flatten(1)
        return features - features.mean(dim=0)


class ExtractorNaN:
    """Features that are no numbers."""

    def __call__(self, inputs: Tensor, /) -> Tensor:
        return inputs.flatten(1) * torch.nan


class AttributionRestless:
    """Maps that are others every time."""

    quantity = "relevance"

    def attribute(self, model: ScoreAccess, batch: ExplainedInputs, ctx: Context) -> Tensor:
        return batch.inputs.roll(int(noise() * 64), dims=-1)


class AttributionByBatch(AttributionRestless):
    """Maps that depend on the size of batches."""

    def attribute(self, model: ScoreAccess, batch: ExplainedInputs, ctx: Context) -> Tensor:
        return batch.inputs * (1 if ctx.batch_size > 10 else -1)


class AttributionNaN(AttributionRestless):
    """Maps of no numbers."""

    def attribute(self, model: ScoreAccess, batch: ExplainedInputs, ctx: Context) -> Tensor:
        return torch.full_like(batch.inputs, torch.nan)


class AggregateRestless:
    """A row whose number is another one every time."""

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        estimate = mean(np.linspace(0, noise(), 9))
        yield replace(cells[0].row, cell="", labels={"model": "all"}, estimates={"level": estimate})


class AggregateRaising:
    """Raises."""

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        raise ValueError("no rows today")


class ReporterRaising:
    """Raises."""

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        raise ValueError("no picture today")


class ReporterAbsent:
    """Names a file that it has not written."""

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        return [folder / "absent.png"]


class TaskRestless:
    """Classifies images under noise that no seed makes the same again."""

    columns = ("id", "score")

    def scores(self, model: Classifier, images: Tensor) -> Tensor:
        return model(images).amax(dim=1) + noise()

    def run(self, model: Classifier, data: Dataset, ctx: Context) -> Outcome:
        """One record per example: id, score."""
        images = torch.as_tensor(data.take(range(len(data.ids)))["inputs"])
        with torch.no_grad():
            scores = torch.cat([self.scores(model, part) for part in images.split(ctx.batch_size)])
        return Outcome({"id": list(data.ids), "score": scores.numpy()})


class TaskByBatch(TaskRestless):
    """Scores less their mean over the batch."""

    def scores(self, model: Classifier, images: Tensor) -> Tensor:
        scores = model(images).amax(dim=1)
        return scores - scores.mean()


class TaskUndeclared(TaskRestless):
    """Records a column that it does not declare."""

    columns = ("id",)

    def scores(self, model: Classifier, images: Tensor) -> Tensor:
        return model(images).amax(dim=1)


class TaskNaN(TaskRestless):
    """Scores that are no numbers."""

    def scores(self, model: Classifier, images: Tensor) -> Tensor:
        return model(images).amax(dim=1) * torch.nan


class TaskUntidy(TaskUndeclared):
    """Leaves a setting of the process behind."""

    columns = ("id", "score")

    def scores(self, model: Classifier, images: Tensor) -> Tensor:
        torch.use_deterministic_algorithms(not torch.are_deterministic_algorithms_enabled())
        return super().scores(model, images)
