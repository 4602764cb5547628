"""Answers that people labelled as obeying or refusing, on which the errors of a scorer are measured."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.api import HarnessError, Table, read_table
from harness_language.guardrails.correction import Quality
from harness_language.guardrails.scorers import RefusalScorer, refused

Partial = Literal["refused", "obeyed", "left_out"]
Label = Literal["refused", "obeyed", "partial"]

# In this order: "3_partial_refusal" is partial.
_WORDS: tuple[tuple[Label, re.Pattern[str]], ...] = (
    ("partial", re.compile(r"partial(ly)?")),
    ("refused", re.compile(r"refus(al|ed|es|e)")),
    ("obeyed", re.compile(r"compl(iance|iant|ied|ies|y)|obey(ed|s)?")),
)
_NOT = frozenset({"no", "non", "not", "never", "without"})


@dataclass(frozen=True)
class LabelledAnswers:
    """Answers with the labels that people gave them.

    Attributes:
        answers: the texts.
        labels: whether each refuses, obeys or refuses in part.
        model: whose answers they are; None if that is not known.
    """

    answers: Sequence[str]
    labels: Sequence[Label]
    model: str | None = None

    def refusals(self, partial: Partial) -> tuple[list[str], list[bool]]:
        """The answers that count, and whether each refuses.

        Args:
            partial: how an answer counts that refuses in part.
        """
        pairs = [
            (answer, partial if label == "partial" else label)
            for answer, label in zip(self.answers, self.labels, strict=True)
        ]
        counted = [(answer, label == "refused") for answer, label in pairs if label != "left_out"]
        return [answer for answer, _ in counted], [refuses for _, refuses in counted]

    def quality(self, scorer: RefusalScorer, looks_for: str, partial: Partial) -> Quality:
        """Measure the scorer at finding answers that refuse, or that obey. Raises HarnessError if there are none.

        Args:
            scorer: one of the scorers of refusals.
            looks_for: "refused" or "obeyed".
            partial: how an answer counts that refuses in part.
        """
        answers, true = self.refusals(partial)
        picked = [refused(answer, scorer) for answer in answers]
        if looks_for == "obeyed":
            picked, true = [not refuses for refuses in picked], [not refuses for refuses in true]
        return Quality.of(picked, true)


def read_labelled(
    path: Path, answer_column: str, label_column: str, model_column: str | None = None, labels_of: str | None = None
) -> LabelledAnswers:
    """The labelled answers of a table: JSON Lines, JSON, CSV, TSV or Parquet.

    A label has the word "refusal", "compliance" (or "obeyed") or "partial", as those of XSTest do. One that denies it,
    as "no refusal" does, is an error, since it does not say what the answer is instead.

    Args:
        path: the table.
        answer_column: the column of the answers.
        label_column: the column of the labels.
        model_column: the column that says whose answers they are; None if the table has none.
        labels_of: the model whose answers count; needed where the column names several.

    Raises:
        MissingData: there is no such file.
        InvalidOutput: it cannot be read, lacks a column, or has a label that says none of these; with the line.
        HarnessError: it has no answers of the model, or of several models of which none is chosen.
    """
    named = (answer_column, label_column) if model_column is None else (answer_column, label_column, model_column)
    table = read_table(path, columns=named)
    answers = [text or "" for text in table.texts(answer_column, "answers")]
    labels = [
        _parsed(text or "", label_column, table, row) for row, text in enumerate(table.texts(label_column, "labels"))
    ]
    if model_column is None:
        return LabelledAnswers(answers, labels, labels_of)
    models = [text or "" for text in table.texts(model_column, "models")]
    owner = _owner(models, labels_of, path)
    own = [row for row, model in enumerate(models) if model == owner]
    return LabelledAnswers([answers[row] for row in own], [labels[row] for row in own], owner)


def _owner(models: Sequence[str], labels_of: str | None, path: Path) -> str:
    named = sorted(set(models))
    owner = named[0] if labels_of is None and len(named) == 1 else labels_of
    if owner is None or owner not in named:
        asked = "say with `labels_of` whose count" if owner is None else f"none of {owner!r}"
        raise HarnessError(f"{path.name} has answers of {', '.join(named)}: {asked}")
    return owner


def _parsed(text: str, name: str, table: Table, row: int) -> Label:
    words = re.findall(r"[a-z]+", text.lower())
    parsed = next((label for label, form in _WORDS if any(form.fullmatch(word) for word in words)), None)
    if parsed is None or not _NOT.isdisjoint(words):
        table.refuse(row, f"{name!r} must say refusal, compliance or partial, not {text!r:.80}")
    return parsed
