"""The records of the task `answer`: one row per question, of several candidates of an attack the worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from harness.api import Reply
from harness_language.tasks.answer_extraction import Extraction, Rule, extract, is_right
from harness_language.tasks.answer_likelihoods import Attempt
from harness_language.tasks.decoding_loop import Generated
from harness_language.tasks.edit_distance import edited_share
from harness_language.tasks.named_choices import named_choice
from harness_language.tasks.questions import Question

FIELDS_OF_ATTACK = ("edited", "candidates")


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the records; see `Answer.run`."""

    id: str
    prompt: str
    answer: str
    extracted: str | None
    span_start: int | None
    span_end: int | None
    method: str
    correct: bool | None
    credit: float | None
    confidence: float | None
    choice_confidence: float | None
    choice_nll: list[float | None] | None
    choice_characters: list[int] | None
    choice_bytes: list[int] | None
    choices_ended: bool | None
    right_choice: int | None
    expected: str | None
    expected_nll: float | None
    expected_tokens: int | None
    tokens: int | None
    seconds: float | None
    batch: int | None
    stopped: str | None
    asked_tokens: int | None
    cut_tokens: int | None
    forgotten_tokens: int | None
    tokenizer: str | None
    goal: str | None
    edited: float | None
    candidates: int | None


FIELDS = tuple(field.name for field in fields(Record))


@dataclass(frozen=True)
class _Verdict:
    """The answer of an attempt, its value, and whether that is right."""

    answer: str
    extraction: Extraction
    credit: float | None
    confidence: float | None


@dataclass(frozen=True)
class _Written:
    """A written answer: what the records say of it."""

    text: str = ""
    log_likelihoods: Sequence[float] | None = None
    tokens: int | None = None
    seconds: float | None = None
    batch: int | None = None
    stopped: str | None = None
    asked_tokens: int | None = None
    cut_tokens: int | None = None
    forgotten_tokens: int | None = None

    @classmethod
    def of(cls, asked: Attempt) -> _Written:
        """What was written; nothing where the likeliest choice is the answer."""
        own, reply = asked.generated, asked.reply
        if reply is not None:
            return cls.of_reply(reply)
        if own is None:
            return cls(asked_tokens=len(asked.tokens), cut_tokens=asked.cut)
        return cls.of_generated(own, len(asked.tokens))

    @classmethod
    def of_reply(cls, reply: Reply) -> _Written:
        """The answer of a model that only answers. Answers that overlap in time make no batch."""
        return cls(
            reply.text,
            reply.log_likelihoods,
            reply.tokens,
            reply.seconds,
            stopped=reply.stopped,
            asked_tokens=reply.asked_tokens,
        )

    @classmethod
    def of_generated(cls, own: Generated, asked_tokens: int) -> _Written:
        """The answer of a model that was asked for token after token."""
        return cls(
            own.text,
            own.log_likelihoods,
            len(own.tokens),
            own.seconds,
            own.batch,
            own.stopped,
            asked_tokens,
            own.cut,
            own.forgotten,
        )


def record_of(tokenizer: str | None, asked: Attempt, rule: Rule, kind: str) -> Record:
    """The record of one attempt, without what an attack adds."""
    question, written = asked.question, _Written.of(asked)
    verdict = _of_choice(asked) if asked.choice is not None else _of_text(question, written, rule, kind)
    credit, confidence = (None, None) if asked.is_broken else (verdict.credit, verdict.confidence)
    texts = [_without_lead(text) for text in question.choices]
    return Record(
        id=question.id,
        prompt=asked.prompt,
        answer=verdict.answer,
        extracted=verdict.extraction.value,
        span_start=verdict.extraction.start,
        span_end=verdict.extraction.end,
        method=verdict.extraction.method,
        correct=None if credit is None else credit == 1,
        credit=credit,
        confidence=confidence,
        choice_confidence=confidence if asked.choice is not None else None,
        choice_nll=[_finite(-value) for value in asked.choices] if texts else None,
        choice_characters=[len(text) for text in texts] or None,
        choice_bytes=[len(text.encode()) for text in texts] or None,
        choices_ended=asked.ended if texts else None,
        right_choice=question.right,
        expected=question.accepted[0] if question.accepted else None,
        expected_nll=_finite(-asked.expected[0]) if asked.expected else None,
        expected_tokens=asked.expected[1] if asked.expected else None,
        tokens=written.tokens,
        seconds=written.seconds,
        batch=written.batch,
        stopped=written.stopped,
        asked_tokens=written.asked_tokens,
        cut_tokens=written.cut_tokens,
        forgotten_tokens=written.forgotten_tokens,
        tokenizer=tokenizer,
        goal=question.goal,
        edited=None,
        candidates=None,
    )


def worst_of_each(
    rows: Sequence[Record], asked: Sequence[Attempt], candidates: Sequence[int], *, attacked: bool
) -> list[Record]:
    """The worst candidate of every question; candidates are consecutive in `rows` and `asked`."""
    records, position = [], 0
    for n in candidates:
        own = range(position, position + n)
        position = own.stop
        worst = max(own, key=lambda i: _attack_success(rows[i], asked[i]))
        if attacked:
            changed = edited_share(asked[worst].question.prompt, asked[worst].rewritten)
            records.append(replace(rows[worst], edited=changed, candidates=n))
        else:
            records.append(rows[worst])
    return records


def columns_of(records: Sequence[Record], *, attacked: bool) -> dict[str, list[Any]]:
    """The records as columns."""
    names = [name for name in FIELDS if attacked or name not in FIELDS_OF_ATTACK]
    return {name: [getattr(record, name) for record in records] for name in names}


def cost_of(records: Sequence[Record]) -> dict[str, float]:
    """Tokens per answer, and the tokens that did not fit the window or were forgotten on the way, if there are any."""
    generated = [record.tokens for record in records if record.tokens is not None]
    cost = {"tokens": float(np.mean(generated))} if generated else {}
    for name in ("cut_tokens", "forgotten_tokens"):
        mean = float(np.mean([getattr(record, name) or 0 for record in records] or [0]))
        cost |= {name: mean} if mean else {}
    return cost


def _of_choice(asked: Attempt) -> _Verdict:
    question, choice = asked.question, asked.choice
    assert choice is not None
    if not choice.best:
        return _Verdict("", Extraction.failure("choice"), None, None)
    # Of choices that tie the first by the alphabet is shown, since their order must not matter.
    answer = min(question.choices[i] for i in choice.best)
    credit = None if question.right is None else choice.credit(question.right)
    confidence = float(choice.probabilities[list(choice.best)].max())
    return _Verdict(answer, Extraction(answer, 0, len(answer), "choice"), credit, confidence)


def _of_text(question: Question, written: _Written, rule: Rule, kind: str) -> _Verdict:
    matched: bool | None
    if question.listed:
        position, extraction = named_choice(written.text, question.listed)
        matched = None if question.right is None else position == question.right
    else:
        extraction = extract(written.text, rule, kind)
        matched = is_right(extraction, question.accepted, rule, kind)
    return _Verdict(written.text, extraction, None if matched is None else float(matched), _confidence(written))


def _confidence(written: _Written) -> float | None:
    """The likelihood per token."""
    if not written.log_likelihoods:
        return None
    mean = float(np.mean(written.log_likelihoods))
    return float(np.exp(mean)) if np.isfinite(mean) else None


def _attack_success(record: Record, asked: Attempt) -> tuple[float, float]:
    """How successful an attack is with an answer, or else how wrong the answer is; larger is worse for the model."""
    goal = asked.question.goal
    if goal is not None:
        return float(record.answer.lstrip().startswith(goal)), _ordered(asked.goal)
    if asked.choice is not None and asked.question.right is not None:
        return -(record.credit or 0.0), -float(asked.choice.probabilities[asked.question.right])
    if asked.expected is not None:
        return -(record.credit or 0.0), -_ordered(asked.expected[0])
    # Of a model that only answers nothing else is known; where nothing is right, there is no credit.
    return -(record.credit or 0.0), record.confidence or 0.0


def _without_lead(text: str) -> str:
    """A choice without the white space that parts it from the prompt, unless it is nothing else."""
    return text.lstrip() or text


def _ordered(value: float | None) -> float:
    return -np.inf if value is None or np.isnan(value) else value


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
