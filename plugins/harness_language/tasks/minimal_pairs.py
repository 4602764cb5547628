"""Minimal pairs: which of two similar sentences is more likely. One record per pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from harness.api import Context, Dataset, InvalidOutput, LanguageModel, NotApplicable, Outcome
from harness.api.instruments import left_unchanged
from harness_language.choosing import choose
from harness_language.tasks.likelihood import precision_of, problems_of, unknown_token
from harness_language.tasks.multiple_choice import Scored, total_log_likelihoods
from harness_language.tasks.questions import choices_of, right_choice


class MinimalPairs:
    """Which of two sentences is likelier: the right or the wrong.

    Score sentences (column `choices`) by their total log-likelihood; `labels` says which is acceptable.

    Sentences whose likelihoods are equal share the credit, and in whatever order they stand the records are the same
    but for the order of `choice_nll` and `bytes`.

    Data: columns `choices` (the sentences of each example) and `labels` (the position of the acceptable one), maybe
    `groups`.

    Args:
        bos: what the first token of a sentence is predicted from: the tokenizer's start token, or nothing, in which
            case it is not scored.
    """

    columns: Sequence[str] = ("id", "choice_nll", "bytes", "credit", "correct", "margin", "group.*")

    def __init__(self, bos: Literal["start", "none"] = "start") -> None:
        self._bos = bos

    def run(self, model: LanguageModel, data: Dataset, ctx: Context) -> Outcome:
        """One record per pair.

        Columns: id, choice_nll (negative log-likelihoods in nats, in the order of the choices), bytes (of the choices),
        credit (1, 1/k if the acceptable one is among k that tie, else 0), correct (a credit of 1), margin (nats by
        which the acceptable one is likelier than the likeliest other), group.<name>.
        """
        if self._bos == "start" and model.bos is None:
            raise NotApplicable("the tokenizer has no start token; with `bos: none` the first token is not scored")
        columns = data.take(range(len(data.ids)))
        for name in ("choices", "labels"):
            if name not in columns:
                raise InvalidOutput(f"the dataset lacks the column {name!r}; it has {', '.join(columns)}")
        choices = [choices_of(name, texts) for name, texts in zip(data.ids, columns["choices"], strict=True)]
        labels = [
            right_choice(name, label, texts)
            for name, label, texts in zip(data.ids, columns["labels"], choices, strict=True)
        ]
        with left_unchanged(model):
            scored = [
                self._scored(model, name, text) for name, texts in zip(data.ids, choices, strict=True) for text in texts
            ]
            totals = iter(total_log_likelihoods(model, scored, ctx))
        values = [[next(totals) for _ in texts] for texts in choices]
        broken = [name for name, pair in zip(data.ids, values, strict=True) if not np.isfinite(pair).all()]
        credits, margins = [], []
        for pair, label in zip(values, labels, strict=True):
            finite = bool(np.isfinite(pair).all())
            credits.append(choose(pair).credit(label) if finite else None)
            margins.append(pair[label] - max(pair[:label] + pair[label + 1 :]) if finite else None)
        return Outcome(
            {
                "id": list(data.ids),
                "choice_nll": [[-value if np.isfinite(value) else None for value in pair] for pair in values],
                "bytes": [[len(text.encode()) for text in texts] for texts in choices],
                "credit": credits,
                "correct": [None if credit is None else credit == 1 for credit in credits],
                "margin": margins,
                **{f"group.{name}": list(column) for name, column in data.groups.items()},
            },
            protocol={"bos": self._bos, "precision": precision_of(model)},
            problems=problems_of(broken, len(values)),
        )

    def _scored(self, model: LanguageModel, name: str, text: str) -> Scored:
        tokens = tuple(model.encode(text))
        if model.bos is not None and model.bos in tokens:
            raise InvalidOutput(f"a sentence of {name!r} holds the start token of the tokenizer")
        if reason := unknown_token(model, tokens):
            raise InvalidOutput(f"a sentence of {name!r} cannot be read: {reason} (it has {model.vocabulary})")
        start = (model.bos,) if self._bos == "start" and model.bos is not None else ()
        return Scored((*start, *tokens), 1)
