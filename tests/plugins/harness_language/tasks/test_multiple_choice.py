"""Which of several texts is likeliest."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.api import Context
from harness_language.choosing import choose
from harness_language.tasks.multiple_choice import Scored, total_log_likelihoods
from scripted_models import Scripted


def test_credit_is_shared_by_those_that_tie() -> None:
    choice = choose([-2.0, -1.0, -1.0, -3.0])
    assert choice.best == (1, 2)
    assert [choice.credit(i) for i in range(4)] == [0.0, 0.5, 0.5, 0.0]
    weights = np.exp([-2.0, -1.0, -1.0, -3.0])
    assert choice.probabilities == pytest.approx(weights / weights.sum())


def test_what_float32_cannot_tell_apart_ties() -> None:
    assert choose([-100.0, -100.00001]).best == (0, 1)
    assert choose([-100.0, -100.01]).best == (0,)


def test_impossible_texts() -> None:
    assert choose([-math.inf, -5.0]).probabilities.tolist() == [0.0, 1.0]
    assert choose([-math.inf, -math.inf]).best == (0, 1)


def test_very_unlikely_texts_do_not_underflow() -> None:
    assert choose([-1000.0, -1001.0]).probabilities == pytest.approx([1 / (1 + math.exp(-1)), 1 / (1 + math.e)])


@pytest.mark.parametrize(("window", "reads"), [(None, 7), (4, 4)])
def test_a_text_beyond_the_window_is_read_in_windows_that_score_each_token_once(window: int | None, reads: int) -> None:
    """The likelihood of a token says how much was read before it: 2^-n after n tokens."""
    model = Scripted(["a", "b"], lambda read: {0: 2.0 ** -len(read)}, window=window)
    text = Scored((2, 0, 0, 0, 0, 0, 0, 0), 3)
    total = total_log_likelihoods(model, [text, text], Context())
    before = [3, 4, 5, 6, 7] if window is None else [3, 4, 3, 4, 4]
    assert total == pytest.approx([-math.log(2) * sum(before)] * 2)
    assert max(length for _, length in model.read) == reads
    assert len(model.read) == 1  # equal texts are read once, in one batch


def test_what_texts_begin_with_is_read_once() -> None:
    """Choices of one token each cost their prompt once; of longer ones what one begins and another goes on with."""
    model = Scripted(["a", "b"], lambda read: {0: 2.0 ** -len(read)})
    prompt = (2, 0, 1, 1, 0)
    letters = [Scored((*prompt, letter), 5) for letter in (0, 1, 0)]
    alone = [total_log_likelihoods(model, [letter], Context())[0] for letter in letters]
    model.read.clear()
    assert total_log_likelihoods(model, letters, Context()) == alone
    assert model.read == [(1, 5)]
    chain = [Scored((*prompt, *more), first) for more, first in (((0,), 5), ((0, 1), 5), ((0, 1, 1), 4), ((1, 1), 5))]
    alone = [total_log_likelihoods(model, [text], Context())[0] for text in chain]
    model.read.clear()
    assert total_log_likelihoods(model, chain, Context()) == pytest.approx(alone)
    # The third reads all that the first two do; the last departs from them.
    assert model.read == [(2, 7)]
