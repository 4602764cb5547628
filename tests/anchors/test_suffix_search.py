"""Suffix search against trying everything, and its gradient against finite differences."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch

from anchors.character_models import Additive, Bent
from harness.api import Context, TextBatch
from harness_language.guardrails.suffix_search import goal_gradient, goal_nll, target_of, usable_tokens
from harness_language.guardrails.suffixes import GreedyCoordinateGradient, RandomSuffix
from harness_language.models.byte_gpt import ByteGPT

LENGTH = 4
TEMPLATE = "{prompt}\n"
BATCH = TextBatch(["id"], ["cd"], ["G"], TEMPLATE)
SEARCHES = [GreedyCoordinateGradient(LENGTH, 30, 64, 8), RandomSuffix(LENGTH, 60, 64, 2)]


def byte_gpt() -> ByteGPT:
    torch.manual_seed(0)
    return ByteGPT(depth=2, width=16, heads=2, context=96).eval().requires_grad_(False)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("attack", SEARCHES)
def test_finds_what_trying_everything_finds(attack: Any, seed: int) -> None:
    model = Additive(seed)
    target = target_of(model, "cd", "G", TEMPLATE, LENGTH)
    every = list(product(usable_tokens(model).tolist(), repeat=LENGTH))
    survivors = [each for each in every if target.survives(model, each)]
    nlls, _ = goal_nll(model, target, survivors, "cpu", 4096)
    best = target.text(model, survivors[int(nlls.argmin())])
    ((found,),) = attack.rewrite(model, BATCH, Context())
    assert found == "cd" + best


@pytest.mark.parametrize("seed", range(3))
def test_gcg_is_among_the_best_where_places_interact(seed: int) -> None:
    model = Bent(seed)
    target = target_of(model, "cd", "G", TEMPLATE, LENGTH)
    survivors = [s for s in product(usable_tokens(model).tolist(), repeat=LENGTH) if target.survives(model, s)]
    nlls, _ = goal_nll(model, target, survivors, "cpu", 4096)
    ((found,),) = SEARCHES[0].rewrite(model, BATCH, Context())
    own, _ = goal_nll(model, target, [model.encode(found[2:])], "cpu", 1)
    assert (nlls < own[0] - 1e-9).mean() < 0.01


@pytest.mark.parametrize("model", [Bent(1), byte_gpt().double()])
def test_the_gradient_is_that_of_finite_differences(model: Any) -> None:
    target = target_of(model, "cd", "G", TEMPLATE, 6)
    gradient = goal_gradient(model, target, target.start, "cpu")
    assert gradient.shape == (len(target.start), model.vocabulary)
    tokens = torch.tensor([target.tokens(target.start)])
    vectors = model.embed(torch.arange(model.vocabulary)[:, None])[:, 0]

    def nll(place: int, token: int, step: float) -> float:
        """With a little of a token's vector added in a place."""
        embedded = model.embed(tokens[:, :-1]).clone()
        embedded[0, target.slots.start + place] += step * vectors[token]
        logits = model.logits(model.states_of(embedded)[0, target.first - 1 :]).double()
        return -float(logits.log_softmax(dim=1).gather(1, tokens[0, target.first :, None]).sum())

    step = 1e-5
    for place, token in [(0, 0), (1, 3), (len(target.start) - 1, 5)]:
        difference = (nll(place, token, step) - nll(place, token, -step)) / (2 * step)
        assert gradient[place, token] == pytest.approx(difference, rel=1e-4, abs=1e-8)
