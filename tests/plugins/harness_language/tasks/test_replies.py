"""The task `answer` with models that only answer: no tokens, no likelihoods of other texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from harness.api import (
    AnswerLimits,
    Context,
    Examples,
    HarnessError,
    InvalidOutput,
    NotApplicable,
    Outcome,
    Prompted,
    Reply,
    UsageError,
)
from harness_language.decoding import Greedy
from harness_language.tasks.answer import Answer
from harness_language.tasks.answer_records import FIELDS


class Says:
    """Answers by a function of the prompt; remembers what it was asked."""

    def __init__(self, say: Callable[[Prompted], Reply | str], *, converses: bool = True) -> None:
        self.converses, self._say, self.asked = converses, say, list[Prompted]()

    def answers(self, prompts: Sequence[Prompted], limits: AnswerLimits, ctx: Context) -> Sequence[Reply]:
        self.asked += prompts
        said = [self._say(prompt) for prompt in prompts]
        return [Reply(each) if isinstance(each, str) else each for each in said]


class Appends:
    """An attack with several candidates."""

    def __init__(self, *texts: str) -> None:
        self._texts = texts

    def rewrite(self, model: object, batch: Any, ctx: Context) -> list[list[str]]:
        return [[text + more for more in self._texts] for text in batch.texts]


def questions(prompts: Sequence[str], answers: Sequence[Any], kind: str = "text", **more: Any) -> Examples:
    ids = [f"q{i}" for i in range(len(prompts))]
    groups = {"part": [str(i) for i in range(len(prompts))]}
    return Examples(ids, {"prompts": prompts, "answers": answers, **more}, groups, {"answer_kind": kind})


def ask(model: Says, data: Examples, attack: Any = None, sampler: Any = None, **how: Any) -> Outcome:
    return Answer(**how).run(model, data, attack, sampler, Context())


def last(prompt: Prompted) -> str:
    return prompt.turns[-1].text


def test_an_answer_is_read_as_that_of_any_model() -> None:
    reply = Reply("So it is 42.\nNext", "length", 9, 4, (math.log(0.5), math.log(0.125)), 1.5, 0.25)
    outcome = ask(Says(lambda _: reply), questions(["?"], ["42"], "number"), template="Q: {prompt}", stop=["\n"])
    record = {name: column[0] for name, column in outcome.records.items()}
    assert set(record) == {*FIELDS, "group.part"} - {"edited", "candidates"}
    told = {name: value for name, value in record.items() if value is not None}
    assert told.pop("confidence") == pytest.approx(0.25)
    assert told == {
        "id": "q0",
        "prompt": "Q: ?",
        "answer": "So it is 42.",
        "extracted": "42",
        "span_start": 9,
        "span_end": 11,
        "method": "last_number",
        "correct": True,
        "credit": 1.0,
        "expected": "42",
        "tokens": 9,
        "seconds": 1.5,
        "stopped": "stop",
        "asked_tokens": 4,
        "group.part": "0",
    }
    assert outcome.cost == {"tokens": 9.0, "price": 0.25}
    assert outcome.protocol["precision"] == "unstated"


def test_a_conversation_has_turns_and_a_text_has_none() -> None:
    data = questions(["1?", "2?", "3?"], ["a", "b", "c"])
    chat, plain = Says(lambda _: "a"), Says(lambda _: "a", converses=False)
    ask(chat, data, system="Be short.", shots=1, shots_as="turns")
    assert [turn.role for turn in chat.asked[0].turns] == ["system", "user", "assistant", "user"]
    ask(plain, data, system="Be short.", shots=1)
    (turn,) = plain.asked[0].turns
    assert turn.text.startswith("Be short.\n\n")
    assert turn.text.endswith("\n\n1?")
    with pytest.raises(NotApplicable, match="examples cannot be turns"):
        ask(plain, data, shots=1, shots_as="turns")
    outcome = ask(chat, data, system="Be short.")
    assert outcome.records["prompt"][0] == "system: Be short.\n\nuser: 1?"


def test_of_several_candidates_the_worst_counts() -> None:
    model = Says(lambda prompt: "42" if "!" not in last(prompt) else "no")
    outcome = ask(model, questions(["a", "b"], ["42", "42"]), Appends("", "!"))
    assert outcome.records["answer"] == ["no", "no"]
    assert outcome.records["candidates"] == [2, 2]
    assert outcome.records["edited"] == [0.5, 0.5]


def test_what_will_never_be_answered_is_missing_and_no_wrong_answer() -> None:
    model = Says(lambda prompt: Reply("", refused="too long") if "b" in last(prompt) else "42")
    outcome = ask(model, questions(["a", "b", "c"], ["42"] * 3))
    assert outcome.records["id"] == ["q0", "q2"]
    assert outcome.records["group.part"] == ["0", "2"]
    assert outcome.missing == {"too long": ["q1"]}
    # Of an attack the candidates that have an answer count.
    attacked = ask(model, questions(["a", "c"], ["42"] * 2), Appends("", "b"))
    assert attacked.missing == {}
    assert attacked.records["candidates"] == [1, 1]
    with pytest.raises(HarnessError, match="no prompt has an answer; the first: too long"):
        ask(model, questions(["b"], ["42"]))


def test_doubts_about_who_answered_are_doubts_of_the_cell() -> None:
    assert ask(Says(lambda _: Reply("x", doubt="another")), questions(["a", "b"], ["x", "x"])).doubts == ("another",)


def test_what_needs_likelihoods_is_refused_with_the_way_out() -> None:
    model, choosing = Says(lambda _: "B"), questions(["?"], [1], choices=[[" Rome", " Paris"]])
    with pytest.raises(NotApplicable, match="`choose: named` of the task"):
        ask(model, choosing)
    with pytest.raises(NotApplicable, match="set the temperature of the model"):
        ask(model, questions(["?"], ["x"]), sampler=Greedy())


@pytest.mark.parametrize(
    ("said", "correct", "extracted"), [("B", True, "B"), ("It is Paris.", True, "Paris"), ("A", False, "A")]
)
def test_a_choice_is_named_by_its_letter_or_text(said: str, correct: bool, extracted: str) -> None:
    model = Says(lambda _: said)
    data = questions(["Capital?"], [1], choices=[[" Rome", " Paris"]])
    outcome = ask(model, data, template="{prompt}\n{choices}\nAnswer:", choose="named")
    assert last(model.asked[0]) == "Capital?\nA. Rome\nB. Paris\nAnswer:"
    assert [outcome.records[name][0] for name in ("correct", "extracted", "right_choice")] == [correct, extracted, 1]
    assert outcome.protocol["choose"] == "named"


def test_examples_of_choices_are_answered_by_letters() -> None:
    model = Says(lambda _: "A")
    data = questions(["1?", "2?"], [1, 1], choices=[["x", "y"], ["u", "{prompt}"]])
    ask(model, data, template="{prompt}\n{choices}\nAnswer:", choose="named", shots=1)
    assert last(model.asked[0]) == "2?\nA. u\nB. {prompt}\nAnswer: B\n\n1?\nA. x\nB. y\nAnswer:"


def test_a_template_that_lists_choices_says_that_they_are_named() -> None:
    with pytest.raises(UsageError, match="`choose: letter`, or `choose: named`"):
        Answer(template="{prompt} {choices}")
    with pytest.raises(InvalidOutput, match="26 have letters"):
        ask(Says(lambda _: "A"), questions(["?"], [1], choices=[[str(i) for i in range(27)]]), choose="named")


def test_another_number_of_replies_is_an_error() -> None:
    model = Says(lambda _: "A")
    model.answers = lambda prompts, limits, ctx: [Reply("A")]  # type: ignore[method-assign]
    with pytest.raises(InvalidOutput, match="2 replies, not 1"):
        ask(model, questions(["1", "2"], ["A", "A"]))
