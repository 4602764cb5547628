"""Rules that choose the next token, against exact probabilities."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import pytest
import torch

from harness.api import Decoding
from harness_language.decoding import Greedy, Temperature, TopK, TopP

PROBABILITIES = torch.tensor([0.05, 0.4, 0.15, 0.3, 0.1], dtype=torch.float64)
DRAWS = 10_000


def shares(rule: Decoding, probabilities: torch.Tensor = PROBABILITIES) -> Mapping[int, float]:
    """How often each token is chosen, over draws that lie evenly in [0, 1): exact to one draw per token."""
    uniform = (torch.arange(DRAWS, dtype=torch.float64) + 0.5) / DRAWS
    chosen = rule.choose(probabilities.log().float().expand(DRAWS, -1), uniform)
    assert (chosen.dtype, chosen.shape) == (torch.int64, (DRAWS,))
    counts = torch.bincount(chosen, minlength=len(probabilities)) / DRAWS
    return {token: float(share) for token, share in enumerate(counts) if share}


def exactly(weights: Mapping[int, float]) -> object:
    total = sum(weights.values())
    return pytest.approx({token: weight / total for token, weight in weights.items()}, abs=2 / DRAWS)


ALL = {0: 0.05, 1: 0.4, 2: 0.15, 3: 0.3, 4: 0.1}


@pytest.mark.parametrize(
    ("rule", "weights"),
    [
        (Greedy(), {1: 1.0}),
        (Temperature(1.0), ALL),
        (Temperature(0.5), {token: p**2 for token, p in ALL.items()}),
        (Temperature(2.0), {token: p**0.5 for token, p in ALL.items()}),
        (TopK(2), {1: 0.4, 3: 0.3}),
        (TopK(3, temperature=0.5), {1: 0.16, 3: 0.09, 2: 0.0225}),
        (TopK(99), ALL),
        (TopK(1), {1: 1.0}),
        (TopP(0.69), {1: 0.4, 3: 0.3}),  # .4 is not enough, .7 is
        (TopP(0.71), {1: 0.4, 3: 0.3, 2: 0.15}),
        (TopP(0.01), {1: 1.0}),  # never empty
        (TopP(1.0), ALL),
        (TopP(0.69, temperature=0.5), {1: 0.16, 3: 0.09}),  # the temperature counts before the nucleus
    ],
)
def test_shares_are_the_exact_probabilities(rule: Decoding, weights: Mapping[int, float]) -> None:
    assert shares(rule) == exactly(weights)


@pytest.mark.parametrize("rule", [Greedy(), Temperature(0.7), TopK(3), TopP(0.8)])
def test_a_token_depends_on_its_own_row_only(rule: Decoding) -> None:
    logits = torch.randn(50, 30, generator=torch.Generator().manual_seed(0))
    uniform = torch.rand(50, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    together = rule.choose(logits, uniform)
    alone = torch.cat([rule.choose(logits[i : i + 1], uniform[i : i + 1]) for i in range(50)])
    assert torch.equal(together, alone)
    shifted = rule.choose(logits + 64, uniform)  # of no meaning for a softmax
    assert torch.equal(together, shifted)


@pytest.mark.parametrize("rule", [Temperature(1.0), TopK(3), TopP(0.9)])
def test_tokens_without_probability_are_never_drawn(rule: Decoding) -> None:
    first, last = torch.tensor([0.0, 0.5, 0.5]), torch.tensor([0.5, 0.5, 0.0])
    ends = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    chosen = [rule.choose(p.log().expand(2, -1), ends).tolist() for p in (first, last)]
    assert chosen == [[1, 2], [0, 1]]


def test_many_unlikely_tokens_together_get_their_share() -> None:
    """100,000 tokens of 2e-9 each beside a likely one: in float32 their cumulative sum would not move."""
    logits = torch.zeros(3, 100_001)
    logits[:, 0] = 20
    tail = 1e5 / (1e5 + math.exp(20))
    uniform = 1 - torch.tensor([1.1, 0.75, 0.25], dtype=torch.float64) * tail
    assert Temperature(1.0).choose(logits, uniform).tolist() == pytest.approx([0, 25_000, 75_000], abs=2)


def test_of_tokens_that_tie_the_first_ones_are_kept() -> None:
    equal = torch.full((5,), 0.2)
    assert shares(TopK(2), equal) == exactly({0: 1, 1: 1})
    assert shares(Greedy(), equal) == exactly({0: 1})


def test_rules_with_nothing_to_cut_agree_draw_by_draw_up_to_their_order() -> None:
    everything = [Temperature(1.0), TopK(5), TopP(1.0)]
    assert all(shares(one) == exactly(shares(other)) for one, other in itertools.combinations(everything, 2))
