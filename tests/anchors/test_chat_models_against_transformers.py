"""Answers of chat models, token by token, against `apply_chat_template` and `generate` of the transformers library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from harness.api import Context, Examples
from harness_language.models.hugging_face import causal_language_model
from harness_language.tasks.answer import Answer
from harness_language.tasks.decoding_loop import Generation, Prompt, generate
from harness_language.tasks.prompting import Prompting
from tiny_gpt2 import CHAT, CHATML, NO_SYSTEM, make_tokenizer, save_gpt2

transformers = pytest.importorskip("transformers", reason="the extra `language` is not installed")

QUESTIONS = [
    "Hello?",
    "What is 2 + 2?",
    "assert",
    "Why is the sky blue, and since when?",
    "Sum up.",
    "if",
    "x",
    "yes no",
]
NEW = 24


def by_transformers(folder: Path, ends: Any = None) -> tuple[list[list[int]], list[list[int]]]:
    """The tokens of each prompt and of each greedy answer; `ends`: what else than its own configuration ends it."""
    network = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    prompts, answers = [], []
    for question in QUESTIONS:
        turns = [{"role": "user", "content": question}]
        asked = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=True, return_dict=False)
        given = torch.tensor([asked])
        whole = network.generate(
            given, attention_mask=torch.ones_like(given), max_new_tokens=NEW, do_sample=False, pad_token_id=0,
            **({} if ends is None else {"eos_token_id": ends}),
        )  # fmt: skip
        prompts.append(asked)
        answers.append(whole[0, len(asked) :].tolist())
    return prompts, answers


def likely_ends(folder: Path) -> tuple[int, ...]:
    """Tokens that stand late in an answer and in few answers, so that declared as ends they end some and not others."""
    _, answers = by_transformers(folder, ends=[])
    tokens = sorted({token for answer in answers for token in answer[3:]})
    rare = sorted(tokens, key=lambda token: sum(token in answer for answer in answers))
    return (0, *rare[:3])


@pytest.mark.parametrize("template", [CHAT, CHATML, NO_SYSTEM], ids=["starts", "starts not", "trims"])
def test_prompts_and_answers_are_those_of_the_library(template: str, tmp_path: Path) -> None:
    tokenizer = make_tokenizer(chat=template)
    save_gpt2(tmp_path, tokenizer=tokenizer)
    ends = likely_ends(tmp_path)
    prompts, answers = by_transformers(save_gpt2(tmp_path, tokenizer=tokenizer, ends=ends))
    assert {len(answer) == NEW for answer in answers} == {True, False}, "some end early"
    model: Any = causal_language_model(tmp_path)
    prompting = Prompting()
    asked = [prompting.tokens(model, prompting.text(model, question), question) for question in QUESTIONS]
    assert [list(tokens) for tokens in asked] == prompts
    given = [Prompt(str(i), tokens) for i, tokens in enumerate(asked)]
    for size in (1, 8):
        mine = generate(model, given, Generation(NEW, []), Context(batch_size=size))
        assert [each.tokens for each in mine] == answers
    data = Examples([str(i) for i in range(len(QUESTIONS))], {"prompts": QUESTIONS, "answers": [None] * len(QUESTIONS)})
    records = Answer(max_tokens=NEW, stop=[]).run(model, data, None, None, Context()).records
    assert records["asked_tokens"] == [len(tokens) for tokens in prompts]
    texts = [answer[:-1] if answer[-1] in ends else answer for answer in answers]
    assert records["answer"] == [model.decode(tokens) for tokens in texts]
    assert records["stopped"] == ["eos" if answer[-1] in ends else "length" for answer in answers]
