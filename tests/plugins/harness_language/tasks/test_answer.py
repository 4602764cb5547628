"""The task `answer` against models whose probabilities are written down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import pytest

from harness.api import Context, Examples, InvalidOutput, Outcome, TextBatch, UsageError
from harness_language.tasks.answer import Answer
from scripted_models import Scripted, ScriptedIncremental, always

PIECES = ["?", "4", "2", "\n", "x", "yz", " ", "y", "z", ""]
P = 0.9
OTHER = 0.1 / 9


def ask(
    model: Scripted,
    prompts: Sequence[str],
    answers: Sequence[Any],
    attack: Any = None,
    ctx: Context | None = None,
    **more: Any,
) -> Outcome:
    facts = {"answer_kind": more.pop("kind", "text")}
    task = Answer(**{name: more.pop(name) for name in ("template", "max_tokens", "stop", "extract") if name in more})
    columns = {"prompts": list(prompts), "answers": list(answers), **more}
    data = Examples([f"q{i}" for i in range(len(prompts))], columns, {"part": ["p"] * len(prompts)}, facts)
    return task.run(model, data, attack, None, ctx or Context())


def only(outcome: Outcome) -> dict[str, Any]:
    """The columns of the only record."""
    assert all(len(column) == 1 for column in outcome.records.values())
    return {name: column[0] for name, column in outcome.records.items()}


def test_a_right_answer_with_its_likelihoods_in_closed_form() -> None:
    model = Scripted(PIECES, always(PIECES, ["4", "2", "\n"], P, after=2))
    outcome = ask(model, ["?"], ["42"], kind="number")
    record = only(outcome)
    assert record.pop("seconds") > 0
    assert record.pop("confidence") == pytest.approx(P, rel=1e-9)  # three tokens of .9 each, the newline among them
    assert record.pop("expected_nll") == pytest.approx(-3 * math.log(P), rel=1e-9)
    assert record == {
        "id": "q0",
        "prompt": "?",
        "answer": "42",
        "extracted": "42",
        "span_start": 0,
        "span_end": 2,
        "method": "last_number",
        "correct": True,
        "credit": 1.0,
        "choice_confidence": None,
        "choice_nll": None,
        "choice_characters": None,
        "choice_bytes": None,
        "choices_ended": None,
        "right_choice": None,
        "expected": "42",
        "expected_tokens": 3,
        "tokens": 3,
        "batch": 0,
        "stopped": "stop",
        "asked_tokens": 2,
        "cut_tokens": 0,
        "forgotten_tokens": 0,
        "tokenizer": "pieces",
        "goal": None,
        "group.part": "p",
    }
    assert outcome.protocol == {
        "template": "{prompt}",
        "max_tokens": 64,
        "stop": ["\n"],
        "extract": "auto",
        "precision": "full",
    }
    assert (outcome.cost, outcome.problems) == ({"tokens": 3.0}, ())


def test_a_wrong_answer_has_its_own_confidence_and_the_right_one_its_likelihood() -> None:
    model = Scripted(PIECES, always(PIECES, ["x", "\n"], P, after=2))
    record = only(ask(model, ["?"], [["42", "24"]]))
    assert (record["answer"], record["correct"], record["credit"]) == ("x", False, 0.0)
    assert record["confidence"] == pytest.approx(P)
    # "4", then "2" where a newline has .9, then the newline where "x" has .9.
    assert record["expected_nll"] == pytest.approx(-3 * math.log(OTHER))
    assert record["expected"] == "42"


def test_any_accepted_answer_is_right_and_an_unreadable_one_wrong() -> None:
    says = Scripted(PIECES, always(PIECES, ["2", "4", "\n"], P, after=2))
    assert only(ask(says, ["?"], [["42", "24"]], kind="number"))["correct"] is True
    silent = Scripted(PIECES, always(PIECES, ["x", "\n"], P, after=2))
    record = only(ask(silent, ["?"], ["42"], kind="number"))
    assert (record["correct"], record["extracted"], record["span_start"]) == (False, None, None)
    assert record["method"] == "last_number"


def test_a_rule_for_numbers_compares_numbers_whatever_the_data_are_called() -> None:
    model = Scripted(PIECES, always(PIECES, ["4", "\n"], P, after=2))
    assert only(ask(model, ["?"], [["2", "4.0"]], extract="last_number"))["correct"] is True
    assert only(ask(model, ["?"], [["2", "4.0"]]))["correct"] is False


def test_where_nothing_is_right_nothing_is_wrong_either() -> None:
    record = only(ask(Scripted(PIECES, always(PIECES, ["x", "\n"], P, after=2)), ["?"], [None]))
    assert [record[name] for name in ("correct", "credit", "expected", "expected_nll", "expected_tokens")] == [None] * 5
    assert record["confidence"] == pytest.approx(P)


def test_without_a_stop_text_the_end_token_ends_the_expected_answer() -> None:
    model = Scripted(PIECES, always(PIECES, ["4", ""], P, after=2))
    record = only(ask(model, ["?"], ["4"], stop=[]))
    assert (record["stopped"], record["tokens"], record["expected_tokens"]) == ("eos", 2, 2)
    assert record["expected_nll"] == pytest.approx(-2 * math.log(P))


def test_prompt_and_answer_are_made_tokens_together() -> None:
    """ "y" then "z" is one token "yz": it is predicted from the start token, not from "y"."""
    read = []

    def rule(tokens: tuple[int, ...]) -> Mapping[int, float]:
        read.append(tokens)
        return {PIECES.index("yz"): 0.5} if len(tokens) == 1 else {PIECES.index("\n"): 0.25}

    record = only(ask(Scripted(PIECES, rule), ["y"], ["z"]))
    assert record["expected_tokens"] == 2
    assert record["expected_nll"] == pytest.approx(-math.log(0.5 * 0.25))


def test_the_template_and_the_start_token() -> None:
    model = Scripted(PIECES, always(PIECES, ["4", "\n"], P, after=4))
    record = only(ask(model, ["y"], ["4"], template="? {prompt}"))
    assert (record["prompt"], record["asked_tokens"], record["answer"]) == ("? y", 4, "4")
    no_start = Scripted(PIECES, always(PIECES, ["4", "\n"], P, after=3), bos=False)
    assert only(ask(no_start, ["y"], ["4"], template="? {prompt}"))["asked_tokens"] == 3


def test_a_conversation_that_begins_with_the_start_token_is_not_started_twice() -> None:
    class Chatty(Scripted):
        chat_template = "digest"

        def converse(self, prompt: str) -> str:
            return f"<s>{prompt} "

        def encode(self, text: str) -> Sequence[int]:
            start = [self.bos] if text.startswith("<s>") and self.bos is not None else []
            return [*start, *super().encode(text.removeprefix("<s>"))]

    outcome = ask(Chatty(PIECES, always(PIECES, ["4", "\n"], P, after=3)), ["?"], ["4"])
    record = only(outcome)
    assert (record["asked_tokens"], record["prompt"], record["answer"]) == (3, "<s>? ", "4")
    assert record["expected_nll"] == pytest.approx(-2 * math.log(P))
    assert outcome.protocol["chat_template"] == "digest"


def by_position(probabilities: Mapping[str, float]) -> Any:
    """The same distribution at every position."""
    known = {PIECES.index(piece): probability for piece, probability in probabilities.items()}
    return lambda read: known


@pytest.mark.parametrize("order", list(permutations(["4", "x", "2"])))
def test_choices_whatever_their_order(order: tuple[str, ...]) -> None:
    model = Scripted(PIECES, by_position({"4": 0.2, "x": 0.5, "2": 0.1}))
    record = only(ask(model, ["?"], [order.index("4")], choices=[list(order)]))
    assert (record["answer"], record["method"], record["correct"], record["credit"]) == ("x", "choice", False, 0.0)
    assert record["confidence"] == record["choice_confidence"] == pytest.approx(0.5 / 0.8)
    assert record["expected_nll"] == pytest.approx(-math.log(0.2))
    assert (record["expected"], record["expected_tokens"], record["tokens"]) == ("4", 1, None)


@pytest.mark.parametrize("order", list(permutations(["4", "x", "2"])))
def test_choices_that_tie_share_the_credit_whatever_their_order(order: tuple[str, ...]) -> None:
    model = Scripted(PIECES, by_position({"4": 0.3, "x": 0.3, "2": 0.1}))
    tied = only(ask(model, ["?"], [order.index("x")], choices=[list(order)]))
    assert (tied["credit"], tied["correct"], tied["answer"]) == (0.5, False, "4")
    assert tied["confidence"] == pytest.approx(0.3 / 0.7)
    assert only(ask(model, ["?"], [order.index("2")], choices=[list(order)]))["credit"] == 0.0


def test_a_choice_that_begins_another_can_lose() -> None:
    model = Scripted(PIECES, always(PIECES, ["4", "2", "\n"], P, after=2))
    record = only(ask(model, ["?"], [1], choices=[["4", "42"]]))
    assert (record["answer"], record["correct"]) == ("42", True)
    ended = {"4": P * OTHER, "42": P**3}
    assert record["confidence"] == pytest.approx(ended["42"] / sum(ended.values()))


@pytest.mark.parametrize(("prompt", "answer"), [("x", "4"), ("?", "x")])
def test_a_text_with_a_token_that_the_model_lacks_is_refused(prompt: str, answer: str) -> None:
    class Wide(Scripted):
        def encode(self, text: str) -> Sequence[int]:
            return [99 if piece == "x" else token for piece, token in zip(text, super().encode(text), strict=True)]

    model = Wide(PIECES, always(PIECES, ["4", "\n"], P))
    with pytest.raises(InvalidOutput, match=r"'q0' cannot be asked: the text holds token 99, .* \(it has 10\)"):
        ask(model, [prompt], [answer])


def test_choices_and_free_answers_side_by_side() -> None:
    model = Scripted(PIECES, always(PIECES, ["4", "\n"], P, after=2))
    records = ask(model, ["?", "?"], ["4", None], choices=[None, ["4", "2"]]).records
    assert (records["answer"], records["method"]) == (["4", "4"], ["line", "choice"])
    assert (records["correct"], records["tokens"]) == ([True, None], [2, None])


@dataclass
class Candidates:
    """Asks other questions instead."""

    texts: Sequence[str]

    def rewrite(self, model: object, batch: TextBatch, ctx: Context) -> Sequence[Sequence[str]]:
        return [list(self.texts) for _ in batch.texts]


def one_answer_each(read: tuple[int, ...]) -> Mapping[int, float]:
    """Says "4" after "?", "x" after "x" with .6 and after "y" with .8, then a newline."""
    says = {"?": ("4", 0.9), "x": ("x", 0.6), "y": ("x", 0.8)}
    piece, probability = says[PIECES[read[1]]] if len(read) == 2 else ("\n", 0.9)
    return {PIECES.index(piece): probability}


@pytest.mark.parametrize("order", list(permutations("?xy")))
def test_of_several_candidates_the_worst_counts(order: tuple[str, ...]) -> None:
    """Wrong before right, then the one that finds the right answer least likely."""
    record = only(ask(Scripted(PIECES, one_answer_each), ["?"], ["4"], Candidates(order)))
    assert (record["prompt"], record["answer"], record["correct"]) == ("y", "x", False)
    assert (record["edited"], record["candidates"]) == (1.0, 3)


@pytest.mark.parametrize("order", list(permutations("?xy")))
def test_a_goal_decides_instead_if_there_is_one(order: tuple[str, ...]) -> None:
    record = only(ask(Scripted(PIECES, one_answer_each), ["?"], [None], Candidates(order), goals=["4"]))
    assert (record["prompt"], record["answer"], record["goal"]) == ("?", "4", "4")
    unreached = only(ask(Scripted(PIECES, one_answer_each), ["?"], [None], Candidates(order), goals=["x4"]))
    assert unreached["prompt"] == "y"  # neither begins with it, but after "y" it is likeliest


def test_where_nothing_is_right_the_most_confident_answer_is_the_worst() -> None:
    assert only(ask(Scripted(PIECES, one_answer_each), ["?"], [None], Candidates("xy?")))["prompt"] == "?"


def test_a_prompt_that_leaves_no_room_for_its_answer_is_cut_and_counted() -> None:
    seen = []

    def rule(read: tuple[int, ...]) -> Mapping[int, float]:
        seen.append(read)
        return {PIECES.index("4"): P}

    asked = ask(Scripted(PIECES, rule, window=6), ["?xxyz?", "?"], [None, None], max_tokens=2)
    # Of the start token and six more the last 6 - 2 are read.
    assert asked.records["asked_tokens"] == [7 - 1, 2]  # "yz" is one token
    assert asked.records["cut_tokens"] == [2, 0]
    assert asked.records["forgotten_tokens"] == [0, 0]
    assert seen[0] == tuple(PIECES.index(piece) for piece in ("x", "x", "yz", "?"))
    assert asked.cost == {"tokens": 2.0, "cut_tokens": 1.0}


def test_what_is_forgotten_while_answering_is_counted() -> None:
    """A window of 4: a prompt of 2 tokens fits; at 5 the last 2 of the text are kept, and so on every 3 tokens."""
    model = Scripted(PIECES, by_position({"4": P}), window=4)
    outcome = ask(model, ["?"], [None], max_tokens=8)
    assert outcome.records["cut_tokens"] == [0]
    # Read are 2, 3, 4, then 2, 3, 4, then 2, 3 tokens, of 9 before the last is predicted.
    assert [length for _, length in model.read] == [2, 3, 4, 2, 3, 4, 2, 3]
    assert outcome.records["forgotten_tokens"] == [6]
    assert outcome.cost == {"tokens": 8.0, "forgotten_tokens": 6.0}


def test_of_choices_what_the_window_cannot_hold_is_counted() -> None:
    model = Scripted(PIECES, by_position({"4": P}), window=4)
    # The start token, five more, and of the longer choice the first token of two: 7 to be read.
    assert only(ask(model, ["?xx?x"], [0], choices=[["4", "x4"]]))["cut_tokens"] == 3


@pytest.mark.parametrize("kind", [Scripted, ScriptedIncremental])
def test_records_do_not_depend_on_the_batch(kind: type[Scripted]) -> None:
    def rule(read: tuple[int, ...]) -> Mapping[int, float]:
        return {(read[-1] * 7 + len(read)) % 10: 0.6}

    prompts = ["?" * (i % 4 + 1) + "xy4"[i % 3] for i in range(30)]

    def records(size: int) -> dict[str, Any]:
        found = ask(kind(PIECES, rule), prompts, ["42"] * 30, ctx=Context(batch_size=size), max_tokens=9).records
        return {name: column for name, column in found.items() if name not in ("seconds", "batch")}

    assert records(1) == records(7) == records(64)


def test_likelihoods_that_are_no_numbers_are_a_problem_and_no_verdict() -> None:
    broken = Scripted(PIECES, lambda read: dict.fromkeys(range(10), math.nan) if 1 in read else {1: P})
    broken.logits = lambda states: Scripted.logits(broken, states) * math.nan  # type: ignore[method-assign]
    outcome = ask(broken, ["?", "?"], ["4", 0], choices=[None, ["4", "2"]])
    assert outcome.problems == ("2 of 2 answers have likelihoods that are not finite, first for 'q0'",)
    assert outcome.records["correct"] == [None, None]
    assert outcome.records["confidence"] == [None, None]


def test_an_answer_that_holds_the_start_token_cannot_be_scored() -> None:
    class Marked(Scripted):
        def encode(self, text: str) -> Sequence[int]:
            return [len(PIECES) if character == "4" else 0 for character in text]

    with pytest.raises(InvalidOutput, match="an answer to 'q0' holds the start token"):
        ask(Marked(PIECES, by_position({})), ["?"], ["4"], max_tokens=1)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"prompts": ["?"]}, "lacks the column 'answers'; it has prompts"),
        ({"answers": ["4"]}, "lacks the column 'prompts'"),
        ({"prompts": [4], "answers": ["4"]}, "prompt of 'q0' must be text"),
        ({"prompts": ["?"], "answers": [4]}, "answer of 'q0' must be a text"),
        ({"prompts": ["?"], "answers": [2], "choices": [["a", "b"]]}, "a position from 0 to 1, not 2"),
        ({"prompts": ["?"], "answers": [True], "choices": [["a", "b"]]}, "a position from 0 to 1, not True"),
        ({"prompts": ["?"], "answers": [0], "choices": [["a"]]}, "must be two or more texts"),
        ({"prompts": ["?"], "answers": ["4"], "goals": [4]}, "goal of 'q0' must be text or None"),
    ],
)
def test_columns_that_are_not_what_they_should_be(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOutput, match=message):
        Answer().run(Scripted(PIECES, by_position({})), Examples(["q0"], columns), None, None, Context())


def test_parameters_that_make_no_sense() -> None:
    with pytest.raises(UsageError, match=r"lacks \{prompt\}"):
        Answer(template="Q:")
    with pytest.raises(UsageError, match="not empty"):
        Answer(stop=[""])


def test_an_empty_prompt_without_a_start_token_is_an_error() -> None:
    model = Scripted(PIECES, by_position({"4": P}), bos=False)
    with pytest.raises(InvalidOutput, match="'q0' is empty and the model is given no start token"):
        ask(model, [""], ["4"])
    assert only(ask(Scripted(PIECES, by_position({"\n": P})), [""], ["4"]))["answer"] == ""


def test_the_likeliest_letter_after_a_prompt_that_lists_the_choices() -> None:
    pieces = ["?", "A", "B", "\n", " ", "x", "y", ".", ""]
    model = Scripted(pieces, always(pieces, [" ", "B"], P, after=12))
    data = Examples(["q0"], {"prompts": ["?"], "answers": [1], "choices": [["x", "y"]]}, {}, {})
    task = Answer(template="{prompt}\n{choices}", choose="letter")
    record = only(task.run(model, data, None, None, Context()))
    assert record["prompt"] == "?\nA. x\nB. y"
    assert (record["answer"], record["expected"], record["right_choice"], record["correct"]) == (" B", " B", 1, True)
    assert record["choice_nll"] == pytest.approx([-math.log(P) - math.log(0.1 / 8), -2 * math.log(P)])
    spaced = only(Answer(template="{prompt}\n{choices}\n", choose="letter").run(model, data, None, None, Context()))
    assert spaced["expected"] == "B"
