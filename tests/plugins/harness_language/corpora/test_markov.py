"""The Markov source: its texts have the frequencies that it says, and its entropy is that of its texts."""

from __future__ import annotations

import math
from collections import Counter
from itertools import product

import numpy as np
import pytest

from harness.api import HarnessError
from harness_language.corpora.markov import MarkovSource, markov


def test_frequencies_are_those_of_the_transitions() -> None:
    source = MarkovSource.drawn(2, 3, 1.0, seed=5)
    texts = source.draw(200, 500, np.random.default_rng(0))
    pairs = Counter(text[i : i + 2] for text in texts for i in range(498))
    triples = Counter(text[i : i + 3] for text in texts for i in range(498))
    for number, context in enumerate("".join(pair) for pair in product("abc", repeat=2)):
        assert pairs[context] / (200 * 498) == pytest.approx(source.stationary[number], abs=0.01)
        for letter, probability in zip("abc", source.transitions[number], strict=True):
            error = 5 * math.sqrt(probability * (1 - probability) / pairs[context])
            assert triples[context + letter] / pairs[context] == pytest.approx(probability, abs=error)


def test_texts_start_as_they_go_on() -> None:
    """The first letters of many texts have the stationary distribution."""
    source = MarkovSource.drawn(2, 2, 1.0, seed=1)
    texts = source.draw(20_000, 3, np.random.default_rng(0))
    for place in (0, 1):
        shares = Counter(text[place : place + 2] for text in texts)
        found = [shares[context] / len(texts) for context in ("aa", "ab", "ba", "bb")]
        assert found == pytest.approx(source.stationary.tolist(), abs=0.015)


def test_the_stationary_distribution_stays() -> None:
    source = MarkovSource.drawn(3, 4, 0.5, seed=0)
    after = np.zeros(64)
    for context in range(64):
        for letter in range(4):
            after[(context * 4 + letter) % 64] += source.stationary[context] * source.transitions[context, letter]
    assert after == pytest.approx(source.stationary, abs=1e-13)
    assert source.stationary.sum() == pytest.approx(1)


def test_equal_transitions_have_the_entropy_of_the_alphabet() -> None:
    assert MarkovSource(np.full((16, 4), 0.25), 2).entropy_rate == pytest.approx(2.0)
    # A letter that determines the next has none.
    assert MarkovSource(np.array([[0.0, 1.0], [1.0, 0.0]]), 1).entropy_rate == 0.0


def test_splits_are_other_draws_of_one_source() -> None:
    how = {"documents": 7, "training_documents": 9, "length": 30}
    splits = {split: markov(split, **how) for split in ("train", "validation", "held_out")}  # type: ignore[arg-type]
    assert [len(data.ids) for data in splits.values()] == [9, 7, 7]
    texts = [text for data in splits.values() for text in data.columns["texts"]]
    assert len(set(texts)) == len(texts)
    assert {len(text) for text in texts} == {30}
    assert set("".join(texts)) == set("abcd")
    assert len({data.facts["entropy_rate"] for data in splits.values()}) == 1
    assert markov("held_out", **how).columns == splits["held_out"].columns  # type: ignore[arg-type]
    assert markov("held_out", source=1).facts["entropy_rate"] != splits["train"].facts["entropy_rate"]


def test_a_document_may_be_shorter_than_a_context() -> None:
    assert {len(text) for text in markov(order=3, length=2).columns["texts"]} == {2}


def test_too_many_contexts() -> None:
    with pytest.raises(HarnessError, match="26 letters of order 3 make 17576 contexts; at most 1024"):
        markov(order=3, letters=26)
