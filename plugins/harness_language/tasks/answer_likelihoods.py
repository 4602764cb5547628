"""The likelihoods of the texts that a question names: its choices, its expected answer, the goal of an attacker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.api import Context, InvalidOutput, LanguageModel, Reply
from harness_language.choosing import Choice, choose
from harness_language.tasks.decoding_loop import Generated
from harness_language.tasks.multiple_choice import Scored, total_log_likelihoods
from harness_language.tasks.prompting import Prompting
from harness_language.tasks.questions import Question

EndChoices = Literal["if_needed", "never", "always"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One text given to the model for a question, and the results.

    Attributes:
        question: the question.
        rewritten: the prompt as an attack made it.
        prompt: the text that the model is given.
        tokens: the same in tokens, with the start token.
        generated: the answer; None where there are choices.
        reply: the answer of a model that only answers, which `generated` is not.
        choice: the chosen text; None where the answer is free.
        choices: the log-likelihood of each choice; empty where the answer is free.
        ended: whether the choices were scored with the end of an answer.
        cut: how many tokens of the prompt were not read, where there are choices.
        expected: the log-likelihood of the expected answer and of how many tokens; None if there is none.
        goal: the log-likelihood of the attacker's goal; None if there is none.
    """

    question: Question
    rewritten: str
    prompt: str
    tokens: tuple[int, ...]
    generated: Generated | None = None
    reply: Reply | None = None
    choice: Choice | None = None
    choices: tuple[float, ...] = ()
    ended: bool = False
    cut: int = 0
    expected: tuple[float, int] | None = None
    goal: float | None = None

    @property
    def is_broken(self) -> bool:
        """Whether the answer, or the likelihood of the expected one, depends on a number that is not finite."""
        if self.choice is not None:
            return not self.choice.best
        scored = np.isfinite(self.expected[0]) if self.expected else True
        return not scored or (self.generated is not None and self.generated.stopped == "error")


@dataclass(frozen=True, slots=True)
class _Ending:
    """The end of an answer, as text or as tokens; it is part of the answer's likelihood."""

    text: str = ""
    tokens: tuple[int, ...] = ()


_NO_ENDING = _Ending()


@dataclass(frozen=True)
class AnswerLikelihoods:
    """Scores the texts of questions after their prompts.

    Attributes:
        prompting: how texts become tokens.
        stop: texts that end an answer; the first is part of the expected one, or else the end token.
        end_choices: where choices are scored with the end of an answer.
    """

    prompting: Prompting
    stop: Sequence[str]
    end_choices: EndChoices

    def added(self, model: LanguageModel, attempts: Sequence[Attempt], ctx: Context) -> list[Attempt]:
        """The attempts with a choice among their choices, and the likelihoods of expected answers and goals."""
        ended = [self._is_ended(attempt.question) for attempt in attempts]
        wanted = [self._wanted(model, attempt, end) for attempt, end in zip(attempts, ended, strict=True)]
        totals = iter(total_log_likelihoods(model, [text for texts in wanted for text in texts], ctx))
        return [
            _with_likelihoods(replace(attempt, ended=end), texts, [next(totals) for _ in texts], model.window)
            for attempt, end, texts in zip(attempts, ended, wanted, strict=True)
        ]

    def _is_ended(self, question: Question) -> bool:
        choices = question.choices
        return bool(choices) and (
            self.end_choices == "always" or (self.end_choices == "if_needed" and one_begins_another(choices))
        )

    def _wanted(self, model: LanguageModel, attempt: Attempt, ended: bool) -> list[Scored]:
        question = attempt.question
        texts = question.choices or question.accepted[:1]
        ending = self._ending(model) if ended or not question.choices else _NO_ENDING
        goal = [] if question.goal is None else self._continuations(model, attempt, [question.goal], _NO_ENDING)
        return [*self._continuations(model, attempt, texts, ending), *goal]

    def _ending(self, model: LanguageModel) -> _Ending:
        if self.stop:
            return _Ending(self.stop[0])
        return _Ending(tokens=() if model.eos is None else (model.eos,))

    def _continuations(self, model: LanguageModel, asked: Attempt, texts: Sequence[str], end: _Ending) -> list[Scored]:
        """The prompt with each text, scored from the first token in which any of them departs from the prompt alone.

        Prompt and text are made tokens together, since a tokenizer may join the end of one with the beginning of the
        other.
        """
        name = asked.question.id
        whole = [self.prompting.tokens(model, asked.prompt + text + end.text, name) for text in texts]
        first = max(1, min((_shared(asked.tokens, tokens) for tokens in whole), default=1))
        if any(model.bos in tokens[first:] for tokens in whole):
            raise InvalidOutput(f"an answer to {name!r} holds the start token, which no model ever predicts")
        return [Scored((*tokens, *end.tokens), first) for tokens in whole]


def one_begins_another(texts: Sequence[str]) -> bool:
    """Whether a text is a prefix of another, so that it could never lose unless both are scored with an end."""
    return any(one != other and other.startswith(one) for one in texts for other in texts)


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """The length of the common prefix of two sequences."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _with_likelihoods(asked: Attempt, texts: Sequence[Scored], totals: Sequence[float], window: int | None) -> Attempt:
    question = asked.question
    goal = None if question.goal is None else totals[-1]
    if not question.choices:
        expected = (totals[0], len(texts[0].tokens) - texts[0].first) if question.accepted else None
        return replace(asked, expected=expected, goal=goal)
    of_choices = tuple(totals[: len(question.choices)])
    right = question.right
    expected = None if right is None else (of_choices[right], len(texts[right].tokens) - texts[right].first)
    choice = Choice((), np.full(len(of_choices), np.nan)) if np.isnan(of_choices).any() else choose(of_choices)
    longest = max(len(text.tokens) - 1 for text in texts[: len(of_choices)])
    cut = 0 if window is None else max(0, longest - window)
    return replace(asked, choice=choice, choices=of_choices, cut=cut, expected=expected, goal=goal)
