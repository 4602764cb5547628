"""Chat formats of the transformers library: turns, arguments, refusals, and the tokens that end an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.api import Context, Dialogue, EndsOfTurn, Examples, HarnessError, NotApplicable, Turn
from harness_language.models.hugging_face import causal_language_model
from harness_language.tasks.answer import Answer
from tiny_gpt2 import CHATML, IGNORES_SYSTEM, NO_SYSTEM, START, make_tokenizer, save_gpt2

pytest.importorskip("transformers", reason="the extra `language` is not installed")


def model_of(folder: Path, template: str | None, ends: tuple[int, ...] = (0,), **how: Any) -> Any:
    return causal_language_model(save_gpt2(folder, tokenizer=make_tokenizer(chat=template), ends=ends), **how)


def test_turns_stand_in_the_template(tmp_path: Path) -> None:
    model = model_of(tmp_path, CHATML)
    assert isinstance(model, Dialogue)
    turns = [Turn("system", "Be brief."), Turn("user", "1+1?"), Turn("assistant", "2"), Turn("user", "2+2?")]
    said = "".join(f"<|im_start|>{turn.role}\n{turn.text}<|im_end|>\n" for turn in turns)
    assert model.dialogue(turns) == f"{said}<|im_start|>assistant\n"


def test_arguments_reach_the_template_and_are_part_of_its_digest(tmp_path: Path) -> None:
    plain, quiet = (model_of(tmp_path / name, CHATML, template_arguments=given) for name, given in ARGUMENTS.items())
    assert quiet.converse("x") == plain.converse("x") + "(none)"
    assert quiet.chat_template != plain.chat_template
    with pytest.raises(HarnessError, match="`template_arguments` are for a chat template"):
        model_of(tmp_path / "base", None, template_arguments={"thinking": False})


ARGUMENTS: dict[str, Any] = {"plain": None, "quiet": {"thinking": False}}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (NO_SYSTEM, r"refuses turns of system, user: System role not supported; `system_as: user`"),
        (IGNORES_SYSTEM, r"leaves out the system prompt; `system_as: user`"),
    ],
)
def test_a_system_prompt_is_refused_in_words_or_part_of_the_first_turn(
    template: str, message: str, tmp_path: Path
) -> None:
    model, data = model_of(tmp_path, template), Examples(["q"], {"prompts": ["1+1?"], "answers": ["2"]})
    with pytest.raises(NotApplicable, match=message):
        Answer(system="Be brief.").run(model, data, None, None, Context())
    folded = Answer(system="Be brief.", system_as="user", max_tokens=1).run(model, data, None, None, Context())
    assert folded.records["prompt"] == [model.converse("Be brief.\n\n1+1?")]


def test_ends_are_those_of_the_generation_configuration_and_of_the_tokenizer(tmp_path: Path) -> None:
    model = model_of(tmp_path / "listed", CHATML, ends=(7, 2))
    assert isinstance(model, EndsOfTurn)
    assert model.ends == {0, 2, 7}
    # After what the assistant says the template puts <|im_end|>, number 2.
    assert model.eos == 2
    assert model_of(tmp_path / "asked as text", CHATML, ends=(7, 2), chat=False).eos == 0
    assert model_of(tmp_path / "without turns", IGNORES_SYSTEM, ends=(7, 2)).eos == 0
    # A token that the model does not have ends nothing.
    assert model_of(tmp_path / "beyond", None, ends=(7, 4000)).ends == {0, 7}


def test_the_start_token_is_the_templates_affair(tmp_path: Path) -> None:
    data = Examples(["q"], {"prompts": ["1+1?"], "answers": [None]})
    asked = {}
    for name, template in {"without": CHATML, "with": NO_SYSTEM}.items():
        model = model_of(tmp_path / name, template)
        assert model.bos == 0
        for bos in ("auto", "start", "none"):
            records = Answer(bos=bos, max_tokens=1).run(model, data, None, None, Context()).records  # type: ignore[arg-type]
            text = records["prompt"][0]
            asked[name, bos] = records["asked_tokens"][0] - len(model.encode(text.removeprefix(START)))
    assert asked == {
        ("without", "auto"): 0,
        ("without", "start"): 1,
        ("without", "none"): 0,
        ("with", "auto"): 1,
        ("with", "start"): 1,
        ("with", "none"): 1,
    }
