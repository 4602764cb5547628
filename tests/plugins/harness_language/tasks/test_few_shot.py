"""Examples before a question: never the question itself, drawn by seed, as text or as turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from scipy import stats

from harness.api import Context, Examples, NotApplicable, Turn, UsageError
from harness_language.tasks.answer import Answer
from harness_language.tasks.few_shot import Shot, ShotPool
from harness_language.tasks.prompting import Prompting
from harness_language.tasks.questions import Question
from scripted_models import Scripted

PIECES = [*map(chr, range(32, 127)), "\n", ""]


def questions(count: int = 8) -> list[Question]:
    return [Question(f"q{i}", f"{i}?", (str(i),)) for i in range(count)]


def test_a_question_is_never_its_own_example() -> None:
    """Whatever its id, its case and its white space, and also where it stands in the pool twice."""
    pool = ShotPool([*questions(3), Question("again", " 0? ", ("0",)), Question("open", "x", ())], 2)
    for seed in range(20):
        for text in ("0?", " 0?\n"):
            drawn = pool.draw(Question("other", text, ("0",)), Context(seed=seed))
            assert {shot.prompt.strip() for shot in drawn} == {"1?", "2?"}


def test_too_few_to_draw_from() -> None:
    with pytest.raises(NotApplicable, match="3 examples are to be drawn from 3 questions"):
        ShotPool(questions(3), 3)


def test_draws_follow_seed_and_id_and_more_begin_with_the_same() -> None:
    asked = questions()
    two, four = ShotPool(asked, 2), ShotPool(asked, 4)
    draws = [four.draw(question, Context()) for question in asked]
    assert draws == [ShotPool(asked[::-1], 4).draw(question, Context()) for question in asked]
    assert [each[:2] for each in draws] == [two.draw(question, Context()) for question in asked]
    assert draws != [four.draw(question, Context(seed=1)) for question in asked]
    assert all(len(set(each)) == 4 for each in draws)


def test_each_other_question_is_as_likely() -> None:
    pool, question = ShotPool(questions(), 2), questions()[3]
    counts = Counter(shot.prompt for seed in range(700) for shot in pool.draw(question, Context(seed=seed)))
    assert "3?" not in counts
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3
    assert len(counts) == 7


SHOTS = (Shot("1+1", "2"), Shot("b", " c"))


class Chatty(Scripted):
    chat_template = "digest"

    def converse(self, prompt: str) -> str:
        return self.dialogue([Turn("user", prompt)])

    def dialogue(self, turns: Sequence[Turn]) -> str:
        return "".join(f"[{turn.role[0].upper()}]{turn.text}" for turn in turns) + "[A]"


BASE, CHAT = Scripted(PIECES, lambda read: {}), Chatty(PIECES, lambda read: {})


@pytest.mark.parametrize(
    ("model", "how", "text"),
    [
        (BASE, {}, "Q: 1+1\nA: 2\n\nQ: b\nA: c\n\nQ: 2+2\nA:"),
        (BASE, {"system": "Add."}, "Add.\n\nQ: 1+1\nA: 2\n\nQ: b\nA: c\n\nQ: 2+2\nA:"),
        (BASE, {"separator": "\n"}, "Q: 1+1\nA: 2\nQ: b\nA: c\nQ: 2+2\nA:"),
        (CHAT, {"separator": "\n"}, "[U]Q: 1+1\nA: 2\nQ: b\nA: c\nQ: 2+2\nA:[A]"),
        (CHAT, {"shots_as": "turns"}, "[U]Q: 1+1\nA:[A]2[U]Q: b\nA:[A]c[U]Q: 2+2\nA:[A]"),
        (CHAT, {"separator": "/", "system": "Add."}, "[S]Add.[U]Q: 1+1\nA: 2/Q: b\nA: c/Q: 2+2\nA:[A]"),
        (
            CHAT,
            {"shots_as": "turns", "system": "Add.", "system_as": "user", "separator": "/"},
            "[U]Add./Q: 1+1\nA:[A]2[U]Q: b\nA:[A]c[U]Q: 2+2\nA:[A]",
        ),
    ],
)
def test_the_text_that_is_given(model: Any, how: dict[str, Any], text: str) -> None:
    assert Prompting("Q: {prompt}\nA:", **how).text(model, "2+2", SHOTS) == text


def test_what_a_model_does_not_take_is_said() -> None:
    with pytest.raises(NotApplicable, match=r"the model has no chat format, .* use `shots_as: text`"):
        Prompting(shots_as="turns").text(BASE, "2+2", SHOTS)

    class OneTurn(Scripted):
        chat_template = "digest"

        def converse(self, prompt: str) -> str:
            return f"[U]{prompt}"

    single = OneTurn(PIECES, lambda read: {})
    with pytest.raises(NotApplicable, match="takes a single prompt"):
        Prompting(system="Add.").text(single, "2+2")
    assert Prompting(system="Add.", system_as="user").text(single, "2+2") == "[U]Add.\n\n2+2"


def ask(**how: Any) -> Any:
    data = Examples([f"q{i}" for i in range(6)], {"prompts": [f"{i}?" for i in range(6)], "answers": list("012345")})
    model = Scripted(PIECES, lambda read: {PIECES.index("\n"): 0.9})
    return Answer(**how).run(model, data, None, None, Context())


def test_the_record_holds_the_prompt_that_was_given_and_the_protocol_its_rules() -> None:
    asked = ask(shots=2, separator=" ")
    for i, prompt in enumerate(asked.records["prompt"]):
        *examples, own = prompt.replace("? ", "?").split("?")[:3]
        assert (own[-1], own[-1] in {text[-1] for text in examples}) == (str(i), False)
    elsewhere = Examples(["a", "b"], {"prompts": ["6?", "7?"], "answers": ["6", "7"]})
    other = ask(shots=1, shots_from=elsewhere, separator=" ")
    assert all(prompt[0] in "67" for prompt in other.records["prompt"])
    rules = {"shots", "shots_from", "shots_as", "separator"}
    assert rules <= set(asked.protocol)
    assert asked.protocol["shots_from"] != other.protocol["shots_from"]
    assert not rules & set(ask().protocol), "what is not used changes no comparability key"
    assert ask(system="Add.").protocol["system"] == "Add."


def test_parameters_that_make_no_sense() -> None:
    with pytest.raises(UsageError, match="`shots` is 0; say how many"):
        Answer(shots_from=Examples(["a"], {"prompts": ["x"], "answers": ["y"]}))
    with pytest.raises(UsageError, match=r"the system prompt 'Say \{prompt\}' holds \{prompt\}"):
        Answer(system="Say {prompt}")
