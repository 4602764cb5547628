"""Generation: one record per sample that a generative model and a sampler make.

The core trusts neither. It draws the noise, counts the passes, checks and quantises the samples, extracts features of
samples and data alike, lets a judge look, and searches the training data for what a sample may have been copied from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Le
from torch import Tensor

from harness.api import (
    Answerer,
    Classifier,
    ComponentOf,
    Context,
    Dataset,
    Extractor,
    GivenFeatures,
    GivenSamples,
    InvalidOutput,
    Later,
    Outcome,
    Sampler,
    TextJudge,
    digest,
)
from harness.api.instruments import left_unchanged, state_digest
from harness_generative.nearest.neighbours import nearest
from harness_generative.task.conditions import Asked, Conditions
from harness_generative.task.counted_generator import WATCHED
from harness_generative.task.feature_arrays import feature_arrays
from harness_generative.task.features_and_judge import judged, judged_columns
from harness_generative.task.image_sets import (
    Array,
    ImageSet,
    check_disjoint,
    check_shape,
    check_unseen,
    checked_samples,
    stored_samples,
)
from harness_generative.task.pixel_neighbours import nearest_images
from harness_generative.task.reference_copies import copy_doubts
from harness_generative.task.references import STORED, Reference
from harness_generative.task.sample_grids import pictures, sampling_pictures
from harness_generative.task.sample_scale import first_name, loss_doubts, scale_doubts
from harness_generative.task.sampling import Drawn, draw_samples, given_features, given_samples
from harness_generative.task.text_judging import judged_in_words

_MIN_SAMPLES = 2


class Generate:
    """Draw samples of a generative model and compare them with held-out data.

    Draw samples, and measure on each what the metrics of generation need.

    Samples are asked for what the reference data show, row by row: prompts if the data have a column `prompts`, else
    classes if they have `labels`. A model without conditions is asked for nothing, and cannot be used with prompts. The
    column "asked for" says which; only rows that were asked for the same may be compared. The reference may be images
    (`images`, `image_folder`), stored features or their mean and covariance (`features`), or nothing but prompts.

    Noise depends on the sample's id and the seed, so all samplers start from the same. Samples are rounded to the grey
    levels of the data (`facts["levels"]`) before anything is measured.

    Data: the column `inputs` (images `[n, c, h, w]` within the box), and `labels` or `prompts` for models that are
    asked for something; the facts `box` and `levels` where there are any, and `classes` with labels.

    Args:
        features: feature extractors; the first one measures the distances to training examples. None are needed where
            samples and reference are stored as features, or data are prompts without a reference.
        train: the data the models were trained on, to tell what is new from what is copied; it must share no example
            with the reference, nor may what the model, the extractors and the judge of the cell were fitted to.
        judge: a classifier over the classes of the data that says what each sample shows.
        n: how many samples; by default all that were made elsewhere, else as many as the reference has examples.
        overlap: the share of the reference that may also be among the training data, for published sets with a few
            duplicates.
        ask_for: ask for `prompts`, `classes` or `nothing` instead; samples made elsewhere say themselves what they were
            asked for.
        text_judge: says how well each sample agrees with its prompt, such as `clip_judge`.
        answerer: answers questions about each sample, such as `vqa`, where the data say which objects it must show.
    """

    columns: Sequence[str] = (
        *("id", "seed", "row", "condition", "condition_class", "nfe", "seconds", "batch"),
        "group.*",
    )
    columns_with: Mapping[str, tuple[str, ...]] = {
        "judge": ("judged", "judge_confidence", "correct_condition", "asked.*", "judged.*"),
        "text_judge": ("text_agreement",),
        "answerer": ("counts_right", "colours_right", "positions_right", "objects_right", "answers"),
        "train": (
            *("train_neighbour", "train_distance", "train_distance_2", "train_neighbour_gap"),
            *("pixel_neighbour", "pixel_neighbour_row", "pixel_distance", "pixel_distance_2"),
        ),
    }

    records_of = "samples"
    remembers = ("_train", "_reference")
    """Attributes that hold what can be made anew: images and their features."""

    def __init__(
        self,
        features: Annotated[Mapping[str, Extractor] | None, ComponentOf("extractor", several=True)] = None,
        train: Annotated[Dataset | None, ComponentOf("dataset")] = None,
        judge: Annotated[Classifier | None, ComponentOf("model")] = None,
        n: Annotated[int, Ge(_MIN_SAMPLES)] | None = None,
        overlap: Annotated[float, Ge(0), Le(1)] = 0.0,
        ask_for: Annotated[Asked | None, Later()] = None,
        text_judge: Annotated[TextJudge | None, ComponentOf("model"), Later()] = None,
        answerer: Annotated[Answerer | None, ComponentOf("model"), Later()] = None,
    ) -> None:
        self._features, self._judge, self._n, self._overlap = features or {}, judge, n, overlap
        self._train_data, self._ask_for = train, ask_for
        self._text_judge, self._answerer = text_judge, answerer
        self._train: ImageSet | None = None
        self._reference: Reference | None = None

    def run(self, model: object, data: Dataset, sampler: Sampler, ctx: Context) -> Outcome:
        """One record per sample.

        Columns: id, seed (of its noise), row (its row in all arrays), condition, condition_class, nfe, seconds (its
        share of its batch), batch; with a judge judged, judge_confidence and correct_condition, and for each attribute
        of the classes `asked.<name>` and `judged.<name>`; with training data train_neighbour, train_distance,
        train_distance_2 (to the second nearest), train_neighbour_gap (from the nearest to its own nearest), all in
        the first extractor's features, and pixel_neighbour, pixel_distance, pixel_distance_2.

        Arrays: samples, judge_probabilities `[n, classes]`, reference_judged and reference_labels (the judge's
        prediction for each example of labelled reference data, and its class), and for each extractor generated_,
        reference_ and train_<label> `[examples, d]`.
        """
        reference, train = self._compared(data)
        if reference.images is not None:
            if train is not None:
                check_disjoint(reference.images, train, self._overlap)
            check_unseen(reference.images, ctx.fitted_to(), self._overlap)
        n = self._number(model, reference)
        ids = [f"sample-{i:05d}" for i in range(n)]
        # Not scoped to the sampler: all samplers start from the same noise.
        draws = replace(ctx, scope=("generate",))
        asked = Conditions.of(model, reference.told, n, self._ask_for)
        with left_unchanged(model):
            drawn = _drawn(model, sampler, ids, asked, draws, ctx)
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
        samples = _checked(drawn, model, reference, ids[0])
        arrays: dict[str, Any] = {} if samples is None else {"samples": stored_samples(samples, data.facts)}
        with torch.no_grad():
            arrays |= feature_arrays(self._features, samples, drawn.features, reference, train, ctx)
            if self._judge is not None:
                columns |= self._judged(samples, reference, asked, arrays, ctx)
            columns |= judged_in_words(self._text_judge, self._answerer, samples, reference.told, asked.texts, ctx)
        if train is not None and samples is not None and self._features:
            columns |= self._neighbours(samples, train, arrays)
        return Outcome(
            columns,
            self._protocol(n, asked, reference, train, drawn),
            cost={} if drawn.nfe is None else {"passes": float(drawn.nfe.mean())},
            artifacts={**arrays, **self._pictures(samples, columns, reference, train, drawn, model, ctx)},
            display={"asked for": asked.asked_for},
            doubts=() if samples is None else _doubts(samples, drawn, model, reference, train, n),
        )

    def _compared(self, data: Dataset) -> tuple[Reference, ImageSet | None]:
        """The reference and the training data, cached with their features for the next cell."""
        if self._reference is None or self._reference.data is not data:
            self._reference = Reference.of(data)
        if self._train is None and self._train_data is not None:
            self._train = ImageSet.of(self._train_data, "the training data")
        return self._reference, self._train

    def _number(self, model: object, reference: Reference) -> int:
        """How many samples. Raises InvalidOutput where nothing says it."""
        n = self._n or getattr(model, "n_given", None) or reference.n
        if n is None:
            raise InvalidOutput("the reference does not say how many examples it was made of; say `n` of the task")
        if n < _MIN_SAMPLES:
            raise InvalidOutput(f"{n} sample is too few; at least {_MIN_SAMPLES} are needed")
        return int(n)

    def _judged(
        self, samples: Tensor | None, reference: Reference, asked: Conditions, arrays: dict[str, Any], ctx: Context
    ) -> dict[str, Any]:
        """The columns of what the judge says of each sample; its probabilities are added to the arrays."""
        if samples is None or self._judge is None:
            raise InvalidOutput("a judge needs images, and these samples are given as features")
        facts = reference.data.facts
        probabilities = judged(self._judge, samples, facts, ctx)
        arrays["judge_probabilities"] = probabilities
        if reference.images is not None:
            arrays |= self._judged_reference(reference.images, ctx)
        return judged_columns(probabilities, asked, facts)

    def _pictures(
        self,
        samples: Tensor | None,
        columns: Mapping[str, Any],
        reference: Reference,
        train: ImageSet | None,
        drawn: Drawn,
        model: object,
        ctx: Context,
    ) -> dict[str, bytes]:
        """Grids of samples, and the way from noise to sample and back where there are images to put noise on."""
        if samples is None:
            return {}
        names = reference.data.facts.get("classes", ())
        shown = pictures(samples, columns, names, None if train is None else train.at)
        images = samples if reference.images is None else reference.images.first
        return shown | sampling_pictures(drawn.trace, model, images[:WATCHED].clone(), ctx.device)

    def _judged_reference(self, reference: ImageSet, ctx: Context) -> dict[str, Any]:
        """What the judge says of the reference and what it is, for labelled data."""
        columns = reference.told.take(range(len(reference)))
        if self._judge is None or "labels" not in columns:
            return {}
        if reference.judged is None:
            reference.judged = judged(self._judge, reference, reference.data.facts, ctx).argmax(axis=1)
        return {"reference_judged": reference.judged, "reference_labels": np.asarray(columns["labels"], np.int64)}

    def _neighbours(self, samples: Tensor, train: ImageSet, arrays: Mapping[str, Array]) -> dict[str, Any]:
        """The nearest training examples of every sample, in features and in pixels."""
        if len(train) <= _MIN_SAMPLES:
            raise InvalidOutput(f"the training data have {len(train)} examples; neighbours need at least 3")
        label = next(iter(self._features))
        features = train.features[label]
        distances, rows = nearest(arrays[f"generated_{label}"], features, 2)
        gaps, _ = nearest(features, features, 1, exclude_self=True)
        in_pixels, pixel_rows = nearest_images(samples, train, 2)
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

    def _protocol(
        self, n: int, asked: Conditions, reference: Reference, train: ImageSet | None, drawn: Drawn
    ) -> dict[str, Any]:
        """The settings that must be equal before two qualities are compared: rows of different n are never ranked."""
        facts = reference.data.facts
        identities = {label: _identity(extractor) for label, extractor in self._features.items()}
        return {
            # Results from before prompts could be asked for say nothing of it, nor of references that are no images.
            **({} if asked.asked_for == "nothing" else {"asked_for": asked.asked_for}),
            **({} if reference.holds == "images" else {"reference": reference.holds}),
            **({} if drawn.features is None else {"samples": "features"}),
            **({"clusters": facts["clusters"]} if "clusters" in facts else {}),
            "n_generated": n,
            "n_reference": reference.n_compared,
            "n_train": None if train is None else len(train),
            "train": None if train is None else train.digest,
            "levels": facts.get("levels"),
            "features": identities or ({} if drawn.features is None else {STORED: "stored"}),
            **({} if self._text_judge is None else {"text_judge": _identity(self._text_judge)}),
            **({} if self._answerer is None else {"answerer": _identity(self._answerer)}),
            "judge": None if self._judge is None else _identity(self._judge),
            "classes": [str(name) for name in facts.get("classes", ())],
        }


def _drawn(
    model: object, sampler: Sampler, ids: Sequence[str], asked: Conditions, draws: Context, ctx: Context
) -> Drawn:
    """The samples of a model, or those that were given."""
    if isinstance(model, GivenFeatures):
        return given_features(model, len(ids))
    if isinstance(model, GivenSamples):
        return given_samples(model, len(ids))
    return draw_samples(model, sampler, ids, asked, draws, ctx)


def _checked(drawn: Drawn, model: object, reference: Reference, first: str) -> Tensor | None:
    """The samples as they are measured; None if they were given as features. Raises InvalidOutput."""
    if drawn.samples is None:
        return None
    if reference.images is not None:
        check_shape(drawn.samples, reference.images, first_name(model) or first)
    return checked_samples(drawn.samples, reference.data.facts)


def _doubts(
    samples: Tensor, drawn: Drawn, model: object, reference: Reference, train: ImageSet | None, n: int
) -> tuple[str, ...]:
    """Why the numbers of these samples may be misleading."""
    if reference.images is None or drawn.samples is None:
        return loss_doubts(model, n)
    facts = reference.data.facts
    return (
        *copy_doubts(samples, reference.images, train, facts),
        # Before they are rounded: what is far below white may all become black.
        *scale_doubts(model, drawn.samples, reference.images.largest, facts),
        *loss_doubts(model, n),
    )


def _identity(component: object) -> str:
    """The hash of a component's class and weights; its parameters are in the task's identity."""
    return digest([type(component).__qualname__, state_digest(component)])
