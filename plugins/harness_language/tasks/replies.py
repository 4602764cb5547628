"""Asking models that can only answer, such as those behind a server: of other texts nothing is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice

from typing_extensions import TypeIs

from harness.api import (
    AnsweringModel,
    AnswerLimits,
    Context,
    HarnessError,
    InvalidOutput,
    NotApplicable,
    Prompted,
    Reply,
    Turn,
)
from harness_language.tasks.answer_likelihoods import Attempt
from harness_language.tasks.few_shot import Shot
from harness_language.tasks.prompting import Prompting
from harness_language.tasks.questions import Question


def only_answers(model: object) -> TypeIs[AnsweringModel]:
    """Whether a model answers and does nothing else; one that gives likelihoods too is asked for them."""
    return isinstance(model, AnsweringModel) and not hasattr(model, "states")


def as_text(turns: Sequence[Turn]) -> str:
    """A conversation as records show it."""
    return turns[0].text if len(turns) == 1 else "\n\n".join(f"{turn.role}: {turn.text}" for turn in turns)


def check_can_answer(sampler: object | None, has_choices: bool) -> None:
    """Refuse what needs likelihoods of tokens. Raises NotApplicable."""
    if sampler is not None:
        raise NotApplicable(
            f"{type(sampler).__name__} chooses among tokens by their likelihoods, and the model only answers: set the "
            "temperature of the model"
        )
    if has_choices:
        raise NotApplicable(
            "the likeliest of several choices is to be the answer, and the model only answers: `choose: named` of the "
            "task reads from an answer which choice it names"
        )


def replies_to(model: AnsweringModel, asked: Sequence[Prompted], limits: AnswerLimits, ctx: Context) -> list[Reply]:
    """The reply to each prompt, cut where a stop text begins.

    Raises:
        InvalidOutput: the model returned something else.
        HarnessError: it will never answer any of them.
    """
    replies = list(model.answers(asked, limits, ctx))
    if len(replies) != len(asked) or not all(isinstance(reply, Reply) for reply in replies):
        raise InvalidOutput(f"the model must return {len(asked)} replies, not {len(replies)}")
    if replies and all(reply.refused for reply in replies):
        raise HarnessError(f"no prompt has an answer; the first: {replies[0].refused}")
    return [_stopped(reply, limits.stop) for reply in replies]


def answered_attempts(
    model: AnsweringModel,
    prompting: Prompting,
    texts: Sequence[tuple[Question, str, Sequence[Shot]]],
    limits: AnswerLimits,
    ctx: Context,
) -> list[Attempt]:
    """Ask a model each question, as it was rewritten, after its examples."""
    asked = [
        Prompted(question.id, prompting.turns(text, shots, question.listed, converses=model.converses))
        for question, text, shots in texts
    ]
    replies = replies_to(model, asked, limits, ctx)
    return [
        Attempt(question, text, as_text(each.turns), (), reply=reply)
        for (question, text, _), each, reply in zip(texts, asked, replies, strict=True)
    ]


def doubts_of(replies: Iterable[Reply]) -> tuple[str, ...]:
    """Why some of the replies may not be what was asked for."""
    return tuple(dict.fromkeys(reply.doubt for reply in replies if reply.doubt))


def price_of(records: int, replies: Iterable[Reply]) -> dict[str, float]:
    """The price of a record, with all candidates of an attack; nothing where some reply has no price."""
    prices = [reply.price for reply in replies]
    known = [price for price in prices if price is not None]
    return {"price": sum(known) / records} if records and len(known) == len(prices) else {}


def without_refused(
    asked: Iterable[Attempt], counts: Sequence[int]
) -> tuple[list[list[Attempt]], dict[str, list[str]]]:
    """Of each question the attempts that have an answer, and by why not the questions of which none has.

    Args:
        asked: the attempts; those of a question are consecutive.
        counts: how many each question has.
    """
    missing: dict[str, list[str]] = {}
    rest = iter(asked)
    of_each = [list(islice(rest, n)) for n in counts]
    answered = [[each for each in attempts if each.reply is None or not each.reply.refused] for attempts in of_each]
    for attempts, left in zip(of_each, answered, strict=True):
        if not left and attempts[0].reply is not None:
            missing.setdefault(attempts[0].reply.refused, []).append(attempts[0].question.id)
    return answered, missing


def _stopped(reply: Reply, stop: Sequence[str]) -> Reply:
    """The reply up to the first stop text: not every server heeds them, and some return them."""
    positions = [at for at in (reply.text.find(text) for text in stop) if at >= 0]
    return replace(reply, text=reply.text[: min(positions)], stopped="stop") if positions else reply
