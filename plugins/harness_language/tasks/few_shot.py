"""Examples with their answers that stand before a question, drawn by seed and never the question itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from harness.api import Context, NotApplicable
from harness_language.tasks.letters import letter_at
from harness_language.tasks.questions import Question

_STREAM = "shots"


@dataclass(frozen=True, slots=True)
class Shot:
    """A question with its answer, as an example for a model; `listed` are the choices that its prompt lists."""

    prompt: str
    answer: str
    listed: tuple[str, ...] = ()


class ShotPool:
    """Questions to draw examples from.

    Questions that differ in case and white space only are one. What is drawn for a question depends on the seed, its id
    and the pool; more examples begin with the same.

    Args:
        questions: those without an answer are left out.
        count: how many are drawn for each question.

    Raises:
        NotApplicable: there are too few of them.
    """

    def __init__(self, questions: Sequence[Question], count: int) -> None:
        self._count = count
        self._shots = {_same(q.prompt): _shot(q) for q in reversed(questions) if q.accepted}
        self._keys = sorted(self._shots)
        if len(self._keys) <= count:
            raise NotApplicable(
                f"{count} examples are to be drawn from {len(self._keys)} questions that have an answer, of which one "
                "may be the question itself: name more data with `shots_from`, or draw fewer"
            )

    @property
    def digest(self) -> str:
        """The sha256 of what can be drawn."""
        shots = [self._shots[key] for key in self._keys]
        content = [[shot.prompt, shot.answer, *shot.listed] for shot in shots]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def draw(self, question: Question, ctx: Context) -> tuple[Shot, ...]:
        """The examples for a question."""
        rng, itself = ctx.rng(_STREAM, question.id), _same(question.prompt)
        drawn: dict[str, Shot] = {}
        while len(drawn) < self._count:
            key = self._keys[int(rng.integers(len(self._keys)))]
            if key != itself:
                drawn.setdefault(key, self._shots[key])
        return tuple(drawn.values())


def _shot(question: Question) -> Shot:
    if question.listed and question.right is not None:
        return Shot(question.prompt, letter_at(question.right), question.listed)
    return Shot(question.prompt, question.accepted[0])


def _same(prompt: str) -> str:
    return " ".join(prompt.casefold().split())
