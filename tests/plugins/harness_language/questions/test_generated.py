"""What all generated questions have in common: seeded, without doubles, with splits that share nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from harness.api import Examples, HarnessError
from harness_language.questions.generated import levels_of, share_of
from harness_language.questions.logic import parity, propositions, sorting
from harness_language.questions.numbers import arithmetic, expressions

MAKERS = [arithmetic, expressions, parity, sorting, propositions]


def prompts(data: Examples) -> list[str]:
    return list(data.columns["prompts"])


@pytest.mark.parametrize("make", MAKERS)
def test_the_same_seed_gives_the_same_and_another_gives_others(make: Callable[..., Examples]) -> None:
    first = make(n=60)
    assert make(n=60) == first
    assert len(set(prompts(first))) == len(first.ids) == 60
    assert set(prompts(make(n=60, seed=1))) != set(prompts(first))


@pytest.mark.parametrize("make", MAKERS)
def test_splits_share_nothing_whatever_the_seed(make: Callable[..., Examples]) -> None:
    held_out = {prompt for seed in range(3) for prompt in prompts(make(n=150, seed=seed))}
    train = {prompt for seed in range(3) for prompt in prompts(make(n=400, seed=seed, split="train"))}
    assert held_out.isdisjoint(train)


@pytest.mark.parametrize("make", MAKERS)
def test_defaults_are_possible_and_levels_are_even_where_there_are_enough(make: Callable[..., Examples]) -> None:
    data = make()
    ((_, levels),) = data.groups.items()
    counts = sorted(Counter(levels).items())
    assert len(data.ids) == 500
    assert counts[-1][1] - counts[-2][1] in (-2, -1, 0, 1)
    # Short ones are few: all of them are there, and the longer ones fill up.
    assert counts[0][1] < counts[-1][1]


def test_the_first_few_are_of_all_levels() -> None:
    data = arithmetic(digits=[3, 4, 5, 6], n=400)
    assert set(data.groups["digits"][:40]) == {3, 4, 5, 6}


def test_more_than_there_are_is_an_error_that_says_how_many() -> None:
    with pytest.raises(HarnessError, match=r"only \d+ different questions .* digits 1; 500 were asked"):
        arithmetic(digits=1)


def test_levels() -> None:
    assert levels_of(3, 1, "digits") == [1, 2, 3]
    assert levels_of([5, 2, 5], 1, "digits") == [2, 5]
    for wrong in ([], [0, 1], [99]):
        with pytest.raises(HarnessError, match="digits must be from 1 to 64"):
            levels_of(wrong, 1, "digits")


def test_shares_are_uniform_and_pinned() -> None:
    drawn = [share_of("a", str(i)) for i in range(2000)]
    assert 0.17 < sum(value < 0.2 for value in drawn) / 2000 < 0.23
    assert share_of("arithmetic", "1+2") == pytest.approx(0.3122449667, abs=1e-9)
