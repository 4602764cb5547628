"""Questions: prompts, their right answers, and texts to choose among, from a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.api import Dataset, InvalidOutput
from harness_language.tasks.letters import letter_at

MAX_LISTED = 26
"""How many choices have letters to be named by."""


@dataclass(frozen=True, slots=True)
class Question:
    """One prompt with its answers and choices.

    Attributes:
        id: of the example.
        prompt: the text of the question.
        accepted: the right answers, the expected one first; empty if nothing is right. With choices the right one.
        choices: the texts to choose among by their likelihood; empty if the answer is generated.
        right: the position of the right choice; None without choices or where nothing is right.
        goal: the text that an attacker wants the answer to begin with.
        listed: the texts that the prompt may list, of which the answer names one.
    """

    id: str
    prompt: str
    accepted: tuple[str, ...]
    choices: tuple[str, ...] = ()
    right: int | None = None
    goal: str | None = None
    listed: tuple[str, ...] = ()


def with_named_choices(question: Question) -> Question:
    """The question, answered by a text that names one of its choices. Raises InvalidOutput."""
    return replace(question, choices=(), listed=_with_letters(question))


def with_letters_as_choices(question: Question, lead: str) -> Question:
    """The question, answered by the likeliest of the letters of its choices, which its prompt lists.

    Args:
        question: the question.
        lead: what parts a letter from the prompt.

    Raises:
        InvalidOutput: there are more choices than letters.
    """
    listed = _with_letters(question)
    letters = tuple(f"{lead}{letter_at(position)}" for position in range(len(listed)))
    accepted = question.accepted if question.right is None or not letters else (letters[question.right],)
    return replace(question, choices=letters, listed=listed, accepted=accepted)


def _with_letters(question: Question) -> tuple[str, ...]:
    if len(question.choices) > MAX_LISTED:
        raise InvalidOutput(f"{question.id!r} has {len(question.choices)} choices; {MAX_LISTED} have letters")
    return question.choices


def questions_of(data: Dataset) -> list[Question]:
    """The questions of a dataset with the columns `prompts`, `answers`, and maybe `choices` and `goals`.

    Raises:
        InvalidOutput: a column is missing, or an entry is not what it should be.
    """
    columns = data.take(range(len(data.ids)))
    for name in ("prompts", "answers"):
        if name not in columns:
            raise InvalidOutput(f"the dataset lacks the column {name!r}; it has {', '.join(columns)}")
    return [_question(data.ids[row], row, columns) for row in range(len(data.ids))]


def _question(example: str, row: int, columns: Mapping[str, Any]) -> Question:
    prompt, answer = columns["prompts"][row], columns["answers"][row]
    goal = columns["goals"][row] if "goals" in columns else None
    choices = columns["choices"][row] if "choices" in columns else None
    if not isinstance(prompt, str):
        raise InvalidOutput(f"the prompt of {example!r} must be text, not {prompt!r:.80}")
    if goal is not None and not isinstance(goal, str):
        raise InvalidOutput(f"the goal of {example!r} must be text or None, not {goal!r:.80}")
    if choices is None or not len(choices):
        return Question(example, prompt, _accepted(example, answer), goal=goal)
    texts = choices_of(example, choices)
    right = None if answer is None else right_choice(example, answer, texts)
    return Question(example, prompt, () if right is None else (texts[right],), texts, right, goal)


def choices_of(example: str, choices: Any) -> tuple[str, ...]:
    """The texts to choose among. Raises InvalidOutput if they are not two or more texts."""
    if isinstance(choices, str) or len(choices) < 2 or not all(isinstance(text, str) and text for text in choices):
        raise InvalidOutput(f"the choices of {example!r} must be two or more texts that are not empty")
    return tuple(choices)


def right_choice(example: str, label: Any, texts: Sequence[str]) -> int:
    """The position of the right choice. Raises InvalidOutput if there is no such choice."""
    if isinstance(label, bool | str) or int(label) != label or not 0 <= int(label) < len(texts):
        raise InvalidOutput(
            f"the right choice of {example!r} must be a position from 0 to {len(texts) - 1}, not {label!r:.80}"
        )
    return int(label)


def _accepted(example: str, answer: Any) -> tuple[str, ...]:
    if answer is None:
        return ()
    answers = [answer] if isinstance(answer, str) else answer
    if not isinstance(answers, list | tuple) or not answers or not all(isinstance(text, str) for text in answers):
        raise InvalidOutput(f"the answer of {example!r} must be a text, a list of texts, or None, not {answer!r:.80}")
    return tuple(answers)
