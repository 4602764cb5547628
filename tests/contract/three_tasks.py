"""A plugin with three tasks that are not classification, written against `harness.api` alone.

It is the proof that plan, store, records, estimates and table know nothing of classifiers: `toy_generate` has a
set-level metric that is no mean over examples, `toy_language` a ratio of sums clustered by author, and
`toy_scores` needs no model at all.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch

from harness.api import (
    Component,
    ComponentOf,
    Context,
    Dataset,
    Estimate,
    Examples,
    Outcome,
    Records,
    bootstrap,
    hookimpl,
    ratio_of_sums,
)

Array = npt.NDArray[np.float64]


@hookimpl
def harness_components() -> Iterable[Component]:
    def of(kind: Any, name: str, target: str, *tasks: str) -> Component:
        return Component(kind, name, f"{__name__}:{target}", target, tasks=frozenset(tasks))

    return [
        of("task", "toy_generate", "Generate"),
        of("task", "toy_language", "Language"),
        of("task", "toy_scores", "FromScores"),
        of("model", "gaussian", "Gaussian", "toy_generate"),
        of("model", "mixture_of_two", "MixtureOfTwo", "toy_generate"),
        of("model", "unigram", "Unigram", "toy_language"),
        of("dataset", "cloud", "cloud", "toy_generate"),
        of("dataset", "rhymes", "rhymes", "toy_language"),
        of("dataset", "score_file", "score_file", "toy_scores"),
        of("sampler", "exact", "Exact", "toy_generate"),
        of("attack", "drop_letters", "DropLetters", "toy_language"),
        of("metric", "frechet_distance", "FrechetDistance", "toy_generate"),
        of("metric", "bits_per_byte", "BitsPerByte", "toy_language"),
        of("metric", "error_gap", "ErrorGap", "toy_scores"),
    ]


# --- generate: a sampler draws from a model, and the metric compares two sets ---------------------------------


class Drawable(Protocol):
    def quantile(self, normal: Array) -> Array: ...


class Gaussian:
    """A Gaussian with independent coordinates.

    Args:
        mean: of every coordinate.
        std: of every coordinate.
    """

    def __init__(self, mean: float = 0.0, std: float = 1.0) -> None:
        self.mean, self.std = mean, std

    def quantile(self, normal: Array) -> Array:
        return self.mean + self.std * normal


class MixtureOfTwo:
    """Draws from its first model where the first coordinate is negative, else from its second.

    Args:
        first, second: the models.
    """

    def __init__(
        self, first: Annotated[Drawable, ComponentOf("model")], second: Annotated[Drawable, ComponentOf("model")]
    ) -> None:
        self.first, self.second = first, second

    def quantile(self, normal: Array) -> Array:
        return np.where(normal[:, :1] < 0, self.first.quantile(normal), self.second.quantile(normal))


class Exact:
    """Draws one point per id.

    Args:
        dimensions: of a point.
    """

    def __init__(self, dimensions: int = 3) -> None:
        self.dimensions = dimensions

    def sample(self, model: Drawable, ids: Sequence[str], ctx: Context) -> Array:
        return model.quantile(ctx.normal(ids, (self.dimensions,), "point").double().numpy())


def cloud(n: int = 400, dimensions: int = 3) -> Examples:
    """Reference points from a standard Gaussian."""
    points = np.random.default_rng(5).normal(size=(n, dimensions))
    return Examples([f"reference-{i}" for i in range(n)], {"points": points})


class Generate:
    """Draw as many samples as there are reference points."""

    records_of = "samples"

    def run(self, model: Drawable, data: Dataset, sampler: Exact, ctx: Context) -> Outcome:
        reference = np.asarray(data.take(range(len(data.ids)))["points"])
        ids = [f"sample-{i}" for i in range(len(reference))]
        samples = sampler.sample(model, ids, ctx)
        return Outcome(
            records={"id": ids, "features": samples},
            protocol={"sampler": "exact", "n_reference": len(reference)},
            cost={"draws": 1.0},
            artifacts={"reference": reference, "note.txt": b"drawn exactly"},
        )


class FrechetDistance:
    """Squared Frechet distance of Gaussians fitted to samples and reference, with a bootstrapped normal interval."""

    columns = ("features",)
    direction = "min"
    unit = ""

    def estimate(self, records: Records) -> Estimate:
        samples, reference = records["features"], records.artifact("reference")
        value = frechet(samples, reference)
        rng = np.random.default_rng(0)
        n = len(samples)
        drawn = [frechet(samples[rng.integers(0, n, n)], reference) for _ in range(200)]
        half = 1.96 * float(np.std(drawn, ddof=1))
        return Estimate(value, max(0.0, value - half), value + half, 0.95, "normal, bootstrapped error", n)


def frechet(one: Array, two: Array) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), by the eigenvalues of S1 S2."""
    covariances = [np.cov(part, rowvar=False) for part in (one, two)]
    eigenvalues = np.linalg.eigvals(covariances[0] @ covariances[1]).real.clip(0)
    traces = float(np.trace(covariances[0]) + np.trace(covariances[1]))
    return float(np.sum((one.mean(0) - two.mean(0)) ** 2)) + traces - 2 * float(np.sqrt(eigenvalues).sum())


# --- language: documents scored by a model that is trained but is no torch module -----------------------------

_TEXTS = {
    "train": [("anon", "twinkle twinkle little star how i wonder what you are")],
    "test": [
        ("ann", "the star is little"),
        ("ann", "how little you wonder"),
        ("bob", "zigzag jazz quiz"),
        ("bob", "fuzzy jinx"),
        ("cyd", "what a star you are"),
        ("cyd", "i wonder how"),
    ],
}


class LanguageModel(Protocol):
    def bits(self, text: str) -> float: ...


class Unigram:
    """Letters are independent; add-one smoothing over 256 bytes."""

    def __init__(self) -> None:
        self.counts = torch.zeros(256)

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        train = data("train")
        for text in train.take(range(len(train.ids)))["text"]:
            for byte, count in Counter(text.encode()).items():
                self.counts[byte] += count

    def state_dict(self) -> Mapping[str, torch.Tensor]:
        return {"counts": self.counts}

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> None:
        self.counts = state_dict["counts"]

    def bits(self, text: str) -> float:
        probabilities = (self.counts.double() + 1) / (self.counts.double().sum() + 256)
        return float(-probabilities[list(text.encode())].log2().sum())


class DropLetters:
    """Drops each letter with a probability, depending on the document only.

    Args:
        rate: the probability.
    """

    def __init__(self, rate: float = 0.2) -> None:
        self.rate = rate

    def rewrite(self, document_id: str, text: str, ctx: Context) -> str:
        kept = ctx.rng("drop", document_id).random(len(text)) >= self.rate
        return "".join(letter for letter, keep in zip(text, kept, strict=True) if keep)


class TextPerturbation(Protocol):
    def rewrite(self, document_id: str, text: str, ctx: Context) -> str: ...


def rhymes(split: Literal["train", "test"] = "test") -> Examples:
    """A few lines by three authors."""
    authors, texts = zip(*_TEXTS[split], strict=True)
    return Examples([f"{split}-{i}" for i in range(len(texts))], {"text": list(texts)}, groups={"author": authors})


class Language:
    """Score documents, as they are or perturbed."""

    def run(self, model: LanguageModel, data: Dataset, attack: TextPerturbation | None, ctx: Context) -> Outcome:
        texts = data.take(range(len(data.ids)))["text"]
        if attack:
            texts = [attack.rewrite(i, text, ctx) for i, text in zip(data.ids, texts, strict=True)]
        return Outcome(
            records={
                "id": list(data.ids),
                "bits": [model.bits(text) for text in texts],
                "bytes": [len(text.encode()) for text in texts],
                "group.author": list(data.groups["author"]),
            },
            protocol={"unit": "byte"},
        )


class BitsPerByte:
    """Total bits over total bytes; authors are resampled whole."""

    columns = ("bits", "bytes", "group.author")
    direction = "min"
    unit = "bits/byte"

    def estimate(self, records: Records) -> Estimate:
        return ratio_of_sums(records["bits"], records["bytes"], clusters=records["group.author"])


# --- from_scores: a table of labels and scores, no model ------------------------------------------------------


def score_file(path: Path, group: str) -> Examples:
    """A CSV with the columns id, label, score and a group.

    Args:
        path: the file.
        group: the column that holds the group.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = {
        "label": np.array([int(row["label"]) for row in rows]),
        "score": np.array([float(row["score"]) for row in rows]),
    }
    return Examples([row["id"] for row in rows], columns, groups={group: [row[group] for row in rows]})


class FromScores:
    """Turn labels and scores into records.

    Args:
        threshold: a score of at least this is a positive prediction.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = threshold

    def run(self, data: Dataset, ctx: Context) -> Outcome:
        columns = data.take(range(len(data.ids)))
        wrong = (columns["score"] >= self.threshold) != columns["label"].astype(bool)
        groups = {f"group.{name}": list(values) for name, values in data.groups.items()}
        return Outcome({"id": list(data.ids), "wrong": wrong, **groups}, {"threshold": self.threshold})


class ErrorGap:
    """Largest minus smallest error rate over the groups of a column.

    Args:
        group: the column.
    """

    direction = "min"
    unit = "fraction"

    def __init__(self, group: str) -> None:
        self.columns = ("wrong", f"group.{group}")

    def estimate(self, records: Records) -> Estimate:
        wrong, group = (records[name] for name in self.columns)
        names = np.unique(group)
        if len(names) < 2:
            return Estimate.undefined("there is only one group", n=len(records))

        def gap(rows: npt.NDArray[np.intp]) -> float:
            rates = [wrong[rows][group[rows] == name].mean() for name in names if (group[rows] == name).any()]
            return float(max(rates) - min(rates))

        return bootstrap(gap, len(records), draws=200)
