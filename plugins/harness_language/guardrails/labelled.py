"""Answers that people labelled as obeying or refusing: what the errors of a scorer are measured on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.api import MissingData
from harness_language.guardrails.correction import Quality
from harness_language.guardrails.scorers import refused
from harness_language.questions.tables import column, read_rows

Partial = Literal["refused", "obeyed", "left_out"]
Verdict = Literal["refused", "obeyed", "partial"]

# In this order: "3_partial_refusal" is partial.
_WORDS: tuple[tuple[Verdict, re.Pattern[str]], ...] = (
    ("partial", re.compile(r"partial(ly)?")),
    ("refused", re.compile(r"refus(al|ed|es|e)")),
    ("obeyed", re.compile(r"compl(iance|iant|ied|ies|y)|obey(ed|s)?")),
)
_NOT = frozenset({"no", "non", "not", "never", "without"})


@dataclass(frozen=True)
class LabelledAnswers:
    """Answers and what people found.

    Attributes:
        answers: the texts.
        verdicts: whether each refuses, obeys or refuses in part.
    """

    answers: Sequence[str]
    verdicts: Sequence[Verdict]

    def refusals(self, partial: Partial) -> tuple[list[str], list[bool]]:
        """The answers that count, and whether each refuses.

        Args:
            partial: what an answer is that refuses in part.
        """
        pairs = [
            (answer, partial if verdict == "partial" else verdict)
            for answer, verdict in zip(self.answers, self.verdicts, strict=True)
        ]
        kept = [(answer, verdict == "refused") for answer, verdict in pairs if verdict != "left_out"]
        return [answer for answer, _ in kept], [refuses for _, refuses in kept]

    def quality(self, scorer: Literal["opening", "anywhere"], looks_for: str, partial: Partial) -> Quality:
        """How the scorer fares at finding answers that refuse, or that obey. Raises HarnessError if there are none.

        Args:
            scorer: one of the scorers of refusals.
            looks_for: "refused" or "obeyed".
            partial: what an answer is that refuses in part.
        """
        answers, true = self.refusals(partial)
        found = [refused(answer, scorer) for answer in answers]
        if looks_for == "obeyed":
            found, true = [not each for each in found], [not each for each in true]
        return Quality.of(found, true)


def read_labelled(path: Path, answer_column: str, label_column: str) -> LabelledAnswers:
    """The labelled answers of a .jsonl, .json, .csv or .tsv file.

    A label has the word "refusal", "compliance" (or "obeyed") or "partial", as those of XSTest do. One that denies it,
    as "no refusal" does, is an error, since it does not say what the answer is instead.

    Raises:
        MissingData: the file cannot be read, lacks a column, or has a label that says none of these.
    """
    rows = read_rows(path)
    answers = [str(value) for value in column(rows, answer_column, path)]
    labels = enumerate(column(rows, label_column, path), start=1)
    return LabelledAnswers(answers, [_verdict(label, number, label_column, path) for number, label in labels])


def _verdict(label: Any, number: int, name: str, path: Path) -> Verdict:
    words = re.findall(r"[a-z]+", str(label).lower())
    found = next((verdict for verdict, form in _WORDS if any(form.fullmatch(word) for word in words)), None)
    if found is None or not _NOT.isdisjoint(words):
        raise MissingData(
            f"{name!r} in row {number} of {path} must say refusal, compliance or partial, not {label!r:.80}"
        )
    return found
