"""What a model over bytes learns from: which tokens it is given and which it must predict."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import torch

from harness.api import Examples, HarnessError
from harness_language.training_texts import UNSCORED, Exchanges, Stream, learnable_documents, training_texts

BOS = 256
Loss = Literal["answer", "all"]


def given(
    columns: dict[str, Any], length: int = 8, budget: int = 64, loss_on: Literal["answer", "all"] = "answer"
) -> Any:
    count = len(next(iter(columns.values())))
    return training_texts(Examples([str(i) for i in range(count)], columns), BOS, length, budget, loss_on)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_texts_follow_each_other_and_starts_are_not_learned() -> None:
    source = given({"texts": ["abc", b"\xff\xfe", "de"]}, length=4, budget=400)
    assert isinstance(source, Stream)
    assert source.tokens.tolist() == [256, 97, 98, 99, 256, 255, 254, 256, 100, 101]
    tokens, targets = source.batch(generator())
    assert tokens.shape == targets.shape == (100, 4)
    for row, wanted in zip(tokens.tolist(), targets.tolist(), strict=True):
        assert wanted[:-1] == [UNSCORED if t == BOS else t for t in row[1:]]
    # Every place of the text comes up, the last too.
    assert {token for token in targets.flatten().tolist() if token >= 0} == {97, 98, 99, 254, 255, 100, 101}


def test_a_short_text_is_read_whole() -> None:
    tokens, targets = given({"texts": ["abc"]}, length=100, budget=10).batch(generator())
    assert tokens.tolist() == [[256, 97, 98]] * 3
    assert targets.tolist() == [[97, 98, 99]] * 3


@pytest.mark.parametrize(("loss_on", "learned"), [("answer", [-100, -100, 55, 10]), ("all", [51, 43, 55, 10])])
def test_of_prompts_the_answer_is_learned(loss_on: Loss, learned: list[int]) -> None:
    source = given({"prompts": ["3+"], "answers": ["7"]}, loss_on=loss_on, budget=4)
    assert isinstance(source, Exchanges)
    tokens, targets = source.batch(generator())
    assert tokens.tolist() == [[256, 51, 43, 55]]
    assert targets.tolist() == [learned]


def test_exchanges_are_padded_on_the_right() -> None:
    tokens, targets = given({"prompts": ["a", "bbb"], "answers": ["x", "y"]}, budget=200).batch(generator())
    assert set(map(tuple, tokens.tolist())) == {(256, 97, 120, 0, 0), (256, 98, 98, 98, 121)}
    assert set(map(tuple, targets.tolist())) == {(-100, 120, 10, -100, -100), (-100, -100, -100, 121, 10)}


def test_which_answer_is_learned() -> None:
    columns = {"prompts": ["a", "b", "c", "d"], "answers": [["x", "y"], None, "z", []]}
    assert learnable_documents(columns) == [b"ax\n", b"cz\n"]
    chosen = {"prompts": ["a", "b"], "answers": [1, None], "choices": [["no", "yes"], ["no", "yes"]]}
    assert learnable_documents(chosen) == [b"ayes\n"]


def test_what_is_too_long_loses_its_beginning() -> None:
    source = given({"prompts": ["0123456789"], "answers": ["ab"]}, length=4, budget=4)
    tokens, targets = source.batch(generator())
    assert tokens.tolist() == [[*b"89ab"]]
    assert targets.tolist() == [[-100, 97, 98, 10]]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"inputs": [1]}, "learns from `texts` or `prompts` and `answers`, not inputs"),
        ({"prompts": ["a"]}, "learns from `texts` or `prompts` and `answers`, not prompts"),
        ({"texts": ["", ""]}, "the texts to learn from are empty"),
        ({"prompts": ["a"], "answers": [None]}, "no prompt to learn from has an answer"),
    ],
)
def test_nothing_to_learn_from(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        given(columns)
