"""The one that judges: a model which no attack has in its hands, asked about clean and about returned inputs."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from harness.api import Attack, Averaging, Classifier, Context, LabelledInputs
from harness.api.instruments import CountedModel
from harness_classification.indicators.doubts import randomness
from harness_classification.predictions import Predictions, column, ends_in_sigmoid, no_logits, predict

DRAWS_OF_RANDOM_MODEL = 20
"""Passes that predictions are averaged over, under an attack that averages over the randomness of a model."""


class Judge:
    """Classifies the examples of a dataset, window after window.

    Args:
        model: the classifier, with its classes in the order of the data.
        classes: their number.
        attack: the attack of the cell, if there is one.
        ctx: gives batch size and device.

    Attributes:
        counted: the model as it is asked.
        unstable: how its answers to the same inputs differ, in words; empty if they do not, or before the first window.
        draws: how many passes predictions are averaged over.
    """

    def __init__(self, model: Classifier, classes: int, attack: Attack | None, ctx: Context) -> None:
        self.counted = CountedModel(model, classes, 0, ctx.device)
        self.unstable, self.draws = "", 1
        self._averages = isinstance(attack, Averaging) and attack.averages
        self._ctx = ctx
        self._outputs: list[Tensor] = []
        self._first: Tensor | None = None

    def clean(self, examples: LabelledInputs) -> Predictions:
        """The predictions for the next examples; at the first ones, whether the model answers twice alike."""
        clean = predict(self.counted, examples.inputs, examples.labels, self._ctx.batch_size)
        self._outputs.append(clean.logits[clean.valid])
        if self._first is None:
            self._first = examples.inputs[:1].clone()
            self.unstable = randomness(self.counted, examples, clean, self._ctx)
            self.draws = DRAWS_OF_RANDOM_MODEL if self.unstable and self._averages else 1
        if self.draws > 1:
            clean = predict(self.counted, examples.inputs, examples.labels, self._ctx.batch_size, self.draws)
        return clean

    def no_logits(self) -> tuple[str, ...]:
        """The doubt that what the model gave for all clean examples are probabilities; empty if they can be logits."""
        assert self._first is not None  # a dataset has examples
        return no_logits(torch.cat(self._outputs), partial(ends_in_sigmoid, self.counted, self._first))


def clean_columns(examples: LabelledInputs, clean: Predictions, correct: Tensor) -> dict[str, Any]:
    """What the records say of the clean examples; None where an output is not finite."""
    is_valid = clean.valid.tolist()
    return {
        "id": list(examples.ids),
        "label": examples.labels.cpu().numpy(),
        "correct": column(correct, is_valid),
        "clean_prediction": column(clean.prediction, is_valid),
        "clean_confidence": column(clean.confidence, is_valid),
        "clean_margin": column(clean.margin, is_valid),
        "clean_loss": column(clean.loss, is_valid),
    }
