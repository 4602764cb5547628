"""Questions and answers: the answer of a model, whether it is right, and its confidence. One record per prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from harness.api import (
    Chat,
    Context,
    Dataset,
    Decoding,
    InvalidOutput,
    LanguageModel,
    Outcome,
    TextAttack,
    TextBatch,
    UsageError,
)
from harness.api.instruments import left_unchanged
from harness_language.tasks.answer_extraction import Extraction, Rule, compared_as, extract, same_value
from harness_language.tasks.decoding_loop import Generated, Generation, Prompt, generate
from harness_language.tasks.edit_distance import edited_share
from harness_language.tasks.likelihood import precision_of, problems_of, unknown_token
from harness_language.tasks.multiple_choice import Choice, Scored, choose, total_log_likelihoods
from harness_language.tasks.questions import Question, questions_of
from harness_language.tasks.score_text import rewritten

_SLOT = "{prompt}"
_DRAWS_SCOPE = ("task", "answer")
"""The scope of random draws, so that they depend on neither the decoding rule nor the attack."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One text given to the model for a question, and the results.

    Attributes:
        question: the question.
        rewritten: the prompt as an attack made it.
        prompt: the text that the model is given.
        tokens: the same in tokens, with the start token.
        generated: the answer; None where there are choices.
        choice: the chosen text; None where the answer is free.
        expected: the log-likelihood of the expected answer and of how many tokens; None if there is none.
        goal: the log-likelihood of the attacker's goal; None if there is none.
    """

    question: Question
    rewritten: str
    prompt: str
    tokens: tuple[int, ...]
    generated: Generated | None = None
    choice: Choice | None = None
    expected: tuple[float, int] | None = None
    goal: float | None = None


@dataclass(frozen=True, slots=True)
class _Ending:
    """The end of an answer, as text or as tokens; it is part of the answer's likelihood."""

    text: str = ""
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Record:
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
    expected: str | None
    expected_nll: float | None
    expected_tokens: int | None
    tokens: int | None
    seconds: float | None
    batch: int | None
    stopped: str | None
    asked_tokens: int
    cut_tokens: int
    tokenizer: str
    goal: str | None
    edited: float | None
    candidates: int | None


_FIELDS = tuple(field.name for field in fields(_Record))
_FIELDS_OF_ATTACK = ("edited", "candidates")


class Answer:
    """Ask questions: what a model answers, whether it is right, and how sure it is.

    Ask a model the questions of a dataset (columns `prompts` and `answers`, maybe `choices` and `goals`).

    Where there are choices the answer is the likeliest of them by total log-likelihood after the prompt; all others
    are generated, by the likeliest token unless a sampler says otherwise. A prompt that does not fit the model's window
    loses its beginning; how much is in `cut_tokens` of its record and in the cost of the cell.

    Args:
        template: what the model is asked, with "{prompt}" for the prompt of the data.
        max_tokens: an answer has at most that many tokens.
        stop: texts that end an answer and are no part of it.
        extract: how the value is found in an answer, see `answer_extraction` beside this file; "auto" goes by the
            fact `answer_kind` of the data.
    """

    columns: Sequence[str] = (*(name for name in _FIELDS if name not in _FIELDS_OF_ATTACK), "group.*")
    columns_with: Mapping[str, tuple[str, ...]] = {"attack": _FIELDS_OF_ATTACK}

    def __init__(
        self,
        template: str = _SLOT,
        max_tokens: Annotated[int, Ge(1)] = 64,
        stop: Sequence[str] = ("\n",),
        extract: Rule = "auto",
    ) -> None:
        if _SLOT not in template:
            raise UsageError(f"the template {template!r} lacks {_SLOT}, the place of the prompt")
        if isinstance(stop, str) or not all(isinstance(text, str) and text for text in stop):
            raise UsageError(f"stop must be a list of texts that are not empty, not {stop!r}")
        self._template, self._max_tokens, self._stop, self._extract = template, max_tokens, tuple(stop), extract

    def run(
        self,
        model: LanguageModel,
        data: Dataset,
        attack: TextAttack | None,
        sampler: Decoding | None,
        ctx: Context,
    ) -> Outcome:
        """One record per question.

        Columns: id, prompt (what the model was given), answer, extracted (its value), span_start and span_end (where
        that stands in the answer), method (the rule that found it, or failed to), correct, credit (1, 1/k if the right
        choice is among k that tie, else 0; correct means a credit of 1), confidence (with choices that of the one
        chosen; else the likelihood per token of what was generated, with the tokens that ended it, by the model itself
        whatever the sampler), choice_confidence (the softmax over the choices' total log-likelihoods), expected (the
        answer that is right), expected_nll and expected_tokens (its negative log-likelihood in nats and its tokens,
        with the first stop text, or the end token if there is none), tokens (generated), seconds (its share of its
        batch), batch, stopped ("stop", "eos" or "length"), asked_tokens (of the prompt), cut_tokens (of these the first
        ones, beyond the model's window), tokenizer, goal, group.<name>; under attack also edited (the share of
        characters that were changed) and candidates.

        Where nothing is right, correct, credit and what is expected are missing. Of several candidates of an attack
        the worst counts: if there is a goal, an answer that begins with it, then the likeliest goal; else a wrong
        answer, then the least likely right one; where nothing is right, the most confident.
        """
        kind = str(data.facts.get("answer_kind", "text"))
        questions = questions_of(data)
        ctx_of_draws = replace(ctx, scope=_DRAWS_SCOPE)
        prompts, goals = [q.prompt for q in questions], [q.goal for q in questions]
        batch = TextBatch([q.id for q in questions], prompts, goals, self._template)
        with left_unchanged(model):
            candidates = rewritten(model, attack, batch, ctx)
            asked = [
                self._asked(model, question, text)
                for question, texts in zip(questions, candidates, strict=True)
                for text in texts
            ]
            asked = self._answered(model, asked, sampler, ctx_of_draws)
            asked = self._scored(model, asked, ctx_of_draws)
        rows = [self._record(model, attempt, kind) for attempt in asked]
        records = _worst_of_each(rows, asked, [len(texts) for texts in candidates], attacked=attack is not None)
        broken = list(dict.fromkeys(attempt.question.id for attempt in asked if _is_broken(attempt)))
        return Outcome(
            {
                **_columns(records, attacked=attack is not None),
                **{f"group.{name}": list(column) for name, column in data.groups.items()},
            },
            protocol={
                "template": self._template,
                "max_tokens": self._max_tokens,
                "stop": list(self._stop),
                "extract": self._extract,
                "precision": precision_of(model),
                **({"chat_template": model.chat_template} if isinstance(model, Chat) else {}),
            },
            cost=_cost(records),
            problems=problems_of(broken, len(records), "answers have likelihoods that are"),
        )

    def _asked(self, model: LanguageModel, question: Question, prompt: str) -> _Attempt:
        text = self._template.replace(_SLOT, prompt)
        text = model.converse(text) if isinstance(model, Chat) else text
        tokens = _with_start(model, text, question.id)
        if not tokens:
            raise InvalidOutput(
                f"the prompt of {question.id!r} is empty and the tokenizer has no start token: "
                "there is nothing to continue; give a template with text"
            )
        return _Attempt(question, prompt, text, tokens)

    def _answered(
        self, model: LanguageModel, asked: list[_Attempt], sampler: Decoding | None, ctx: Context
    ) -> list[_Attempt]:
        """Generate answers where there are no choices."""
        free = [i for i, attempt in enumerate(asked) if not attempt.question.choices]
        how = Generation(self._max_tokens, self._stop, sampler)
        answers = generate(model, [Prompt(asked[i].question.id, asked[i].tokens) for i in free], how, ctx)
        for i, answer in zip(free, answers, strict=True):
            asked[i] = replace(asked[i], generated=answer)
        return asked

    def _scored(self, model: LanguageModel, asked: list[_Attempt], ctx: Context) -> list[_Attempt]:
        """Choose among choices, and add the likelihoods of the expected answers and the goals."""
        wanted: list[list[Scored]] = []
        for attempt in asked:
            question = attempt.question
            texts = question.choices or question.accepted[:1]
            goal = [] if question.goal is None else _continuations(model, attempt, [question.goal])
            ending = self._ending(model) if not question.choices or _one_begins_another(texts) else _Ending()
            wanted.append([*_continuations(model, attempt, texts, ending), *goal])
        totals = iter(total_log_likelihoods(model, [text for texts in wanted for text in texts], ctx))
        return [
            _with_likelihoods(attempt, texts, [next(totals) for _ in texts])
            for attempt, texts in zip(asked, wanted, strict=True)
        ]

    def _ending(self, model: LanguageModel) -> _Ending:
        if self._stop:
            return _Ending(self._stop[0])
        return _Ending(tokens=() if model.eos is None else (model.eos,))

    def _record(self, model: LanguageModel, asked: _Attempt, kind: str) -> _Record:
        question, generated, choice = asked.question, asked.generated, asked.choice
        right = question.accepted
        confidence: float | None
        credit: float | None
        if choice is not None and not choice.best:
            answer, extraction, credit, confidence = "", Extraction.failure("choice"), None, None
        elif choice is not None:
            # Of choices that tie the first by the alphabet is shown, since their order must not matter.
            answer = min(question.choices[i] for i in choice.best)
            extraction = Extraction(answer, 0, len(answer), "choice")
            credit = None if question.right is None else choice.credit(question.right)
            confidence = float(choice.probabilities[list(choice.best)].max())
        else:
            assert generated is not None
            answer = generated.text
            extraction = extract(answer, self._extract, kind)
            compared = compared_as(self._extract, kind)
            matched = extraction.value is not None and any(same_value(extraction.value, one, compared) for one in right)
            credit = float(matched) if right else None
            mean = float(np.mean(generated.log_likelihoods))
            confidence = float(np.exp(mean)) if np.isfinite(mean) else None
        if _is_broken(asked):
            credit = confidence = None
        return _Record(
            id=question.id,
            prompt=asked.prompt,
            answer=answer,
            extracted=extraction.value,
            span_start=extraction.start,
            span_end=extraction.end,
            method=extraction.method,
            correct=None if credit is None else credit == 1,
            credit=credit,
            confidence=confidence,
            choice_confidence=confidence if choice is not None else None,
            expected=right[0] if right else None,
            expected_nll=_finite(-asked.expected[0]) if asked.expected else None,
            expected_tokens=asked.expected[1] if asked.expected else None,
            tokens=None if generated is None else len(generated.tokens),
            seconds=None if generated is None else generated.seconds,
            batch=None if generated is None else generated.batch,
            stopped=None if generated is None else generated.stopped,
            asked_tokens=len(asked.tokens),
            cut_tokens=0 if model.window is None else max(0, len(asked.tokens) - model.window),
            tokenizer=model.tokenizer,
            goal=question.goal,
            edited=None,
            candidates=None,
        )


def _with_start(model: LanguageModel, text: str, name: str) -> tuple[int, ...]:
    """Tokens of a text with the start token before them; the text of a conversation may hold it already."""
    tokens = model.encode(text)
    if reason := unknown_token(model, tokens):
        raise InvalidOutput(f"{name!r} cannot be asked: {reason} (it has {model.vocabulary})")
    if model.bos is None or (len(tokens) and tokens[0] == model.bos):
        return tuple(tokens)
    return (model.bos, *tokens)


def _one_begins_another(texts: Sequence[str]) -> bool:
    """Whether a text is a prefix of another, so that it could never lose unless both are scored with an end."""
    return any(one != other and other.startswith(one) for one in texts for other in texts)


def _continuations(
    model: LanguageModel, asked: _Attempt, texts: Sequence[str], ending: _Ending | None = None
) -> list[Scored]:
    """The prompt with each text, scored from the first token in which any of them departs from the prompt alone.

    Prompt and text are made tokens together, since a tokenizer may join the end of one with the beginning of the other.
    """
    end = ending or _Ending()
    whole = [_with_start(model, asked.prompt + text + end.text, asked.question.id) for text in texts]
    first = max(1, min((_shared(asked.tokens, tokens) for tokens in whole), default=1))
    if any(model.bos in tokens[first:] for tokens in whole):
        raise InvalidOutput(f"an answer to {asked.question.id!r} holds the start token, which no model ever predicts")
    return [Scored((*tokens, *end.tokens), first) for tokens in whole]


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """The length of the common prefix of two sequences."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _with_likelihoods(asked: _Attempt, texts: Sequence[Scored], totals: Sequence[float]) -> _Attempt:
    question = asked.question
    goal = None if question.goal is None else totals[-1]
    if not question.choices:
        expected = (totals[0], len(texts[0].tokens) - texts[0].first) if question.accepted else None
        return replace(asked, expected=expected, goal=goal)
    of_choices = totals[: len(question.choices)]
    right = question.right
    expected = None if right is None else (of_choices[right], len(texts[right].tokens) - texts[right].first)
    choice = Choice((), np.full(len(of_choices), np.nan)) if np.isnan(of_choices).any() else choose(of_choices)
    return replace(asked, choice=choice, expected=expected, goal=goal)


def _attack_success(record: _Record, asked: _Attempt) -> tuple[float, float]:
    """How successful an attack is with an answer, or else how wrong the answer is; larger is worse for the model."""
    goal = asked.question.goal
    if goal is not None:
        return float(record.answer.lstrip().startswith(goal)), _ordered(asked.goal)
    if asked.choice is not None and asked.question.right is not None:
        return -(record.credit or 0.0), -float(asked.choice.probabilities[asked.question.right])
    if asked.expected is not None:
        return -(record.credit or 0.0), -_ordered(asked.expected[0])
    return 0.0, record.confidence or 0.0


def _worst_of_each(
    rows: Sequence[_Record], asked: Sequence[_Attempt], candidates: Sequence[int], *, attacked: bool
) -> list[_Record]:
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


def _ordered(value: float | None) -> float:
    return -np.inf if value is None or np.isnan(value) else value


def _is_broken(asked: _Attempt) -> bool:
    """Whether the answer, or the likelihood of the expected one, depends on a number that is not finite."""
    if asked.choice is not None:
        return not asked.choice.best
    scored = np.isfinite(asked.expected[0]) if asked.expected else True
    return not scored or (asked.generated is not None and asked.generated.stopped == "error")


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _columns(records: Sequence[_Record], *, attacked: bool) -> dict[str, list[Any]]:
    names = [name for name in _FIELDS if attacked or name not in _FIELDS_OF_ATTACK]
    return {name: [getattr(record, name) for record in records] for name in names}


def _cost(records: Sequence[_Record]) -> dict[str, float]:
    """Tokens per answer, and the tokens per prompt that did not fit the window, if there are any."""
    cut = float(np.mean([record.cut_tokens for record in records] or [0]))
    generated = [record.tokens for record in records if record.tokens is not None]
    cost = {"tokens": float(np.mean(generated))} if generated else {}
    return {**cost, **({"cut_tokens": cut} if cut else {})}
