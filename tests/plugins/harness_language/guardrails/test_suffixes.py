"""Suffix search: what it scores, what it leaves out, and that it works on a byte model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from anchors.character_models import CHARACTERS, Additive
from harness.api import Context, HarnessError, NotApplicable, TextBatch
from harness_language.guardrails.suffix_search import goal_nll, target_of
from harness_language.guardrails.suffixes import GreedyCoordinateGradient, RandomSuffix, UnsearchedSuffix
from harness_language.models.byte_gpt import ByteGPT

LENGTH = 4
TEMPLATE = "{prompt}\n"


def batch_of(*prompts: str, goal: str | None = "G") -> TextBatch:
    return TextBatch([f"id-{prompt}" for prompt in prompts], prompts, [goal] * len(prompts), TEMPLATE)


def byte_gpt() -> ByteGPT:
    torch.manual_seed(0)
    return ByteGPT(depth=2, width=16, heads=2, context=96).eval().requires_grad_(False)


def test_the_nll_is_that_of_the_written_text() -> None:
    """By hand: the goal's logit against 100 and eight zeros."""
    model = Additive(0)
    target = target_of(model, "cd", "G", TEMPLATE, LENGTH)
    suffix = [CHARACTERS.index(each) for each in "Qd!a"]
    text = model.encode("cdQd!a\n")
    logit = float(sum(model.vectors[token] @ model.places[place] for place, token in enumerate(text)))
    logits = np.array([100.0, logit, *[0.0] * (model.vocabulary - 2)])
    nlls, reached = goal_nll(model, target, [suffix], "cpu", 8)
    assert nlls[0] == pytest.approx(np.log(np.exp(logits).sum()) - logit)
    assert not reached[0]


def test_what_would_be_read_otherwise_is_left_out() -> None:
    model = Additive(0)
    target = target_of(model, "ca", "G", TEMPLATE, LENGTH)
    a, b, d = (CHARACTERS.index(each) for each in "abd")
    assert target.survives(model, [d, b, a, d])
    assert not target.survives(model, [d, a, b, d]), "a and b would be read as one"
    assert not target.survives(model, [b, d, d, d]), "b would join the a before it"


@pytest.mark.parametrize("attack", [GreedyCoordinateGradient(8, 3, 16), RandomSuffix(8, 3, 16)])
def test_on_a_byte_model(attack: Any) -> None:
    """The goal gets likelier; prompts without a goal stay; neither batch size nor company changes anything."""
    model = byte_gpt()
    alone = [attack.rewrite(model, batch_of(text, goal="Yes"), Context(batch_size=5)) for text in ("one", "two")]
    both = attack.rewrite(model, batch_of("two", "one", goal="Yes"), Context(batch_size=64))
    assert [both[1], both[0]] == [alone[0][0], alone[1][0]]
    ((found,),) = alone[0]
    assert found.startswith("one")
    assert found.isascii()
    assert found.isprintable()
    target = target_of(model, "one", "Yes", TEMPLATE, 8)
    nlls, _ = goal_nll(model, target, [target.start, model.encode(found[3:])], "cpu", 8)
    assert nlls[1] < nlls[0]
    some = TextBatch(["id-one", "id-two"], ["one", "two"], [None, "Yes"], TEMPLATE)
    assert attack.rewrite(model, some, Context(batch_size=5)) == [["one"], alone[1][0]]
    with pytest.raises(NotApplicable, match="no request has a goal to search for"):
        attack.rewrite(model, batch_of("one", goal=None), Context())
    assert attack.rewrite(model, batch_of("one", goal="Yes"), Context(seed=1)) != alone[0]


def test_the_template_and_the_conversation_are_around_the_suffix() -> None:
    model = byte_gpt()
    model.converse = lambda text: f"<{text}>"  # type: ignore[attr-defined]
    model.chat_template = "brackets"  # type: ignore[attr-defined]
    target = target_of(model, "one", "Yes", "Ask: {prompt} Now.", 8)
    assert model.decode(target.tokens(target.start)) == "<Ask: one ! ! ! ! Now.>Yes"
    assert target.tokens(target.start)[0] != model.bos, "the text of a conversation is all that the model reads"
    assert model.decode(target.tokens(target.start)[target.first :]) == "Yes"


def test_what_does_not_fit_is_an_error() -> None:
    with pytest.raises(HarnessError, match="the model reads at most 96: use a shorter suffix"):
        target_of(byte_gpt(), "x" * 90, "Yes", TEMPLATE, 8)
    with pytest.raises(HarnessError, match="must hold the prompt once; it holds it 2 times"):
        target_of(byte_gpt(), "x", "Yes", "{prompt} {prompt}", 8)


def test_an_unsearched_suffix_is_a_drawn_text_of_the_same_length() -> None:
    """Printable, kept by the tokenizer, of the length of a search's, by seed and example; no goal, no suffix."""
    model, attack = byte_gpt(), UnsearchedSuffix(8)
    ((one,),) = attack.rewrite(model, batch_of("one", goal="Yes"), Context(batch_size=5))
    both = attack.rewrite(model, batch_of("two", "one", goal="Yes"), Context(batch_size=64))
    assert both[1] == [one]
    assert one.startswith("one")
    assert len(one) == len("one") + 8
    assert one.isprintable()
    assert one[3:] != both[0][0][3:]
    assert attack.rewrite(model, batch_of("one", goal="Yes"), Context(seed=1)) != [[one]]
    with pytest.raises(NotApplicable, match="no request has a goal to search for"):
        attack.rewrite(model, batch_of("one", goal=None), Context())
