"""N-grams: probabilities worked out by hand, and by dictionaries of strings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.api import Context, Examples, HarnessError
from harness.testing import run_suite
from harness_language.models.ngram import NGram, discounts

START = "^"


def fitted(texts: Sequence[str | bytes], **how: Any) -> NGram:
    model = NGram(**how)
    data = Examples([str(i) for i in range(len(texts))], {"texts": list(texts)})
    model.fit(lambda split: data, Context())
    return model


def probabilities(model: NGram, context: bytes, *, start: bool = True) -> np.ndarray:  # type: ignore[type-arg]
    tokens = torch.tensor([([256] if start else []) + list(context)])
    return model.logits(model.states(tokens)[0, -1:])[0].exp().numpy()


def test_kneser_ney_by_hand() -> None:
    """ab, ab, ac: no counts of counts to estimate discounts from, so they are 0.5, 1 and 1.5.

    Each of a, b, c follows one byte: p1 = (1 - 0.5) / 3 + 0.5 / 256. After a there are b twice and c once:
    p(b|a) = (2 - 1) / 3 + (1 + 0.5) / 3 p1. At the start there is a three times: p(a|^) = (3 - 1.5) / 3 + 1.5 / 3 p1.
    """
    model = fitted(["ab", "ab", "ac"], order=2)
    p1 = 0.5 / 3 + 0.5 / 256
    after_a, at_start, after_b = (probabilities(model, context) for context in (b"a", b"", b"ab"))
    assert after_a[98] == pytest.approx(1 / 3 + 0.5 * p1, rel=1e-14)
    assert after_a[99] == pytest.approx(0.5 / 3 + 0.5 * p1, rel=1e-14)
    assert after_a[100] == pytest.approx(0.5 * 0.5 / 256, rel=1e-14)
    assert at_start[97] == pytest.approx(0.5 + 0.5 * p1, rel=1e-14)
    # Nothing was ever seen after b, nor after z.
    assert after_b[97] == pytest.approx(p1, rel=1e-14)
    assert probabilities(model, b"z")[97] == pytest.approx(p1, rel=1e-14)


def test_discounts_are_those_of_chen_and_goodman() -> None:
    """n1..n4 = 8, 4, 2, 1: Y = 1/2, so 1 - 2 Y 4/8, 2 - 3 Y 2/4, 3 - 4 Y 1/2."""
    counts = np.repeat([1, 2, 3, 4], [8, 4, 2, 1])
    assert discounts(counts) == (0.5, 1.25, 2.0)
    assert discounts(np.array([1, 1, 2, 3])) == (0.5, 1.0, 1.5)
    # A discount below 0 would make probabilities that are none.
    assert discounts(np.repeat([1, 2, 3], [2, 1, 9])) == (0.5, 1.0, 1.5)


class Slow:
    """Modified Kneser-Ney by dictionaries, straight from the formulas."""

    def __init__(self, texts: Sequence[str], order: int) -> None:
        self.order = order
        raw = [Counter[str]() for _ in range(order + 1)]
        for text in texts:
            whole = START + text
            for n in range(1, order + 1):
                raw[n].update(whole[i : i + n] for i in range(len(whole) - n + 1))
        self.counts: list[dict[str, int]] = [{}]
        for n in range(1, order + 1):
            before = Counter(gram[1:] for gram in raw[n + 1]) if n < order else None
            self.counts.append(
                {
                    gram: count if before is None or gram[0] == START else before[gram]
                    for gram, count in raw[n].items()
                    if gram != START
                }
            )
        self.taken = [(0.0, 0.0, 0.0, 0.0)]
        self.taken += [(0.0, *discounts(np.array(list(counts.values())))) for counts in self.counts[1:]]

    def probability(self, context: str, symbol: str) -> float:
        context = context[max(0, len(context) - self.order + 1) :]
        lower = self.probability(context[1:], symbol) if context else 1 / 256
        n = len(context) + 1
        followers = {gram: count for gram, count in self.counts[n].items() if gram[:-1] == context}
        total = sum(followers.values())
        if not total:
            return lower
        taken = self.taken[n]
        lost = sum(taken[min(3, count)] for count in followers.values())
        own = followers.get(context + symbol, 0)
        return (own - taken[min(3, own)] + lost * lower) / total


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_kneser_ney_against_dictionaries(order: int) -> None:
    rng = np.random.default_rng(order)
    texts = ["".join(rng.choice(list("abcd"), p=[0.5, 0.3, 0.15, 0.05], size=rng.integers(1, 60))) for _ in range(8)]
    model, slow = fitted(texts, order=order), Slow(texts, order)
    assert order < 3 or any(taken != (0.0, 0.5, 1.0, 1.5) for taken in slow.taken[1:])
    for context in ("", "a", "ab", "dd", "abca", "zab", "bacbacbac"):
        found = probabilities(model, context.encode())
        expected = [slow.probability(START + context, symbol) for symbol in "abcdz"]
        assert [found[ord(symbol)] for symbol in "abcdz"] == pytest.approx(expected, rel=1e-12)
        assert found.sum() == pytest.approx(1, abs=1e-14)
        assert found.min() > 0


def test_a_window_within_a_text_knows_no_start() -> None:
    texts = ["abab", "ba"]
    model, slow = fitted(texts, order=3), Slow(texts, 3)
    found = probabilities(model, b"b", start=False)
    assert found[97] == pytest.approx(slow.probability("b", "a"), rel=1e-12)
    assert found[97] != pytest.approx(probabilities(model, b"b")[97], rel=1e-3)


def test_added_counts_by_hand() -> None:
    """aab, aac: after a there are a twice, b and c once; three bytes were seen."""
    over_seen = fitted(["aab", "aac"], order=2, smoothing="additive", alphabet="seen")
    assert probabilities(over_seen, b"a")[97:100] == pytest.approx([3 / 7, 2 / 7, 2 / 7])
    assert probabilities(over_seen, b"")[97:101] == pytest.approx([3 / 5, 1 / 5, 1 / 5, 0])
    assert probabilities(over_seen, b"b")[97:100] == pytest.approx([1 / 3] * 3)
    over_all = fitted(["aab", "aac"], order=2, smoothing="additive", add=0.5)
    assert probabilities(over_all, b"a")[97] == pytest.approx(2.5 / 132)
    assert probabilities(over_all, b"a").sum() == pytest.approx(1)


def test_nothing_added_is_what_was_counted() -> None:
    model = fitted(["aab", "aac"], order=2, smoothing="additive", add=0.0)
    assert probabilities(model, b"a")[97:101].tolist() == [0.5, 0.25, 0.25, 0.0]


def test_near_the_start_all_there_is_counts() -> None:
    """Of three bytes only the start is before the first, and what begins texts counts."""
    model = fitted(["ab", "ba", "bb"], order=3, smoothing="additive", add=0.0)
    assert probabilities(model, b"")[97:99] == pytest.approx([1 / 3, 2 / 3])
    assert probabilities(model, b"b")[97:99] == pytest.approx([1 / 2, 1 / 2])


def test_a_state_depends_only_on_what_came_before() -> None:
    model = fitted(["the quick brown fox jumps over the lazy dog"], order=4)
    tokens = torch.tensor([[256, *b"the fox"]])
    padded = torch.cat([tokens, torch.zeros(1, 5, dtype=torch.int64)], dim=1)
    assert torch.equal(model.states(padded)[:, :8], model.states(tokens))


@pytest.mark.parametrize("order", [1, 2, 4])
def test_going_on_is_reading_at_once(order: int) -> None:
    model = fitted(["the quick brown fox jumps over the lazy dog"], order=order)
    tokens = torch.tensor([[256, *b"the fox the"], [256, *b"quick dog b"]])
    states, past = [], None
    for piece in tokens.split([1, 1, 4, 6], dim=1):
        found, past = model.extend(piece, past)
        states.append(found)
    assert torch.equal(torch.cat(states, dim=1), model.states(tokens))


def test_bytes_that_are_no_text_and_answers_are_learned_too() -> None:
    assert probabilities(fitted([b"\xff\xff\xfe"], order=1), b"").argmax() == 255
    model = NGram(order=3)
    columns = {"prompts": ["1+1=", "2+2="], "answers": [["2", "two"], None]}
    model.fit(lambda split: Examples(["a", "b"], columns), Context())
    assert probabilities(model, b"1+1=").argmax() == ord("2")
    assert probabilities(model, b"1+1=2").argmax() == ord("\n")
    # The second has no answer, so nothing is learned of it.
    assert probabilities(model, b"").argmax() == ord("1")


def test_nothing_to_learn_from() -> None:
    with pytest.raises(HarnessError, match="the texts to learn from are empty"):
        fitted(["", ""])
    with pytest.raises(HarnessError, match="learns from `texts` or `prompts` and `answers`, not inputs"):
        NGram().fit(lambda split: Examples(["a"], {"inputs": [1]}), Context())


def test_what_is_stored_is_what_was_learned() -> None:
    model = fitted(["the quick brown fox"], order=3, alphabet="seen")
    again = NGram(order=3, alphabet="seen")
    again.load_state_dict({name: value.clone() for name, value in model.state_dict().items()})
    assert np.array_equal(probabilities(again, b"th"), probabilities(model, b"th"))


def test_it_is_kept_by_the_engine(tmp_path: Path) -> None:
    suite = """
    suite: kept
    task: language
    data: {use: markov, with: {documents: 5, length: 50}}
    models: [{use: ngram, with: {order: 3}, trained_on: {use: markov, with: {training_documents: 20, length: 50}}}]
    metrics: [bits_per_byte, excess_bits]
    """
    first, second = (run_suite(suite, tmp_path) for _ in range(2))
    values = [run.rows[0].estimates["bits_per_byte"].value for run in (first, second)]
    assert values[0] == values[1]
    assert values[0] is not None
    excess, rate = first.rows[0].estimates["excess_bits"].value, first.rows[0].protocol["entropy_rate"]
    assert excess == pytest.approx(values[0] - rate)
