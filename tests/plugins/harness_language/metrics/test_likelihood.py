"""Perplexities and bits: values worked out by hand, missing documents, clusters, and comparison by document."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from harness.api import Records
from harness_language.metrics.likelihood import (
    BitsPerByte,
    EntropyRate,
    ExcessBits,
    NoiseBits,
    Perplexity,
    WordPerplexity,
)

COLUMNS: dict[str, Any] = {
    "id": ["a", "b", "c"],
    "nll": [2.0, 6.0, None],
    "tokens": [2, 2, None],
    "bytes": [4, 12, None],
    "words": [1, 3, None],
    "tokenizer": ["bytes"] * 3,
    "group.topic": ["x", "y", "x"],
}


def records(protocol: dict[str, Any] | None = None, **columns: Any) -> Records:
    return Records.of({**COLUMNS, **columns}, **(protocol or {}))


def test_values_by_hand() -> None:
    """8 nats over 4 tokens, 16 bytes and 4 words; the third document could not be scored."""
    assert Perplexity().estimate(records()).value == pytest.approx(math.exp(2))
    assert WordPerplexity().estimate(records()).value == pytest.approx(math.exp(2))
    bits = BitsPerByte().estimate(records())
    assert bits.value == pytest.approx(0.5 / math.log(2))
    assert (bits.n, bits.n_missing) == (2, 1)
    assert bits.method == "jackknife"


def test_a_perplexity_compares_within_its_tokenizer() -> None:
    assert Perplexity().estimate(records(tokenizer=["0123456789abcdef"] * 3)).within == "tokenizer 0123456789ab"
    assert BitsPerByte().estimate(records()).within == ""


def test_bits_above_the_entropy_rate() -> None:
    known = records({"entropy_rate": 0.25})
    assert ExcessBits().estimate(known).value == pytest.approx(0.5 / math.log(2) - 0.25)
    rate = EntropyRate().estimate(known)
    assert (rate.value, rate.low, rate.high, rate.method) == (0.25, 0.25, 0.25, "exact")
    for metric in (ExcessBits(), EntropyRate()):
        assert not metric.estimate(records()).applies


@pytest.mark.parametrize("metric", [Perplexity(), WordPerplexity(), BitsPerByte(), ExcessBits()])
def test_nothing_scored_is_no_number(metric: Any) -> None:
    empty = records({"entropy_rate": 1.0}, nll=[None, None, None])
    estimate = metric.estimate(empty)
    assert estimate.value is None
    assert estimate.reason == "no document could be scored"
    assert estimate.n_missing == 3


def test_a_text_without_words_has_no_perplexity_per_word() -> None:
    assert WordPerplexity().estimate(records(words=[0, 0, None])).reason == "the denominator is 0"


def test_the_interval_is_over_clusters() -> None:
    rng = np.random.default_rng(0)
    effect = np.repeat(rng.normal(2.0, 0.5, 8), 10)
    columns = {
        "id": [str(n) for n in range(80)],
        "nll": 100 * effect,
        "bytes": np.full(80, 100),
        "group.topic": np.repeat([f"t{n}" for n in range(8)], 10),
    }
    alone = BitsPerByte().estimate(Records.of(columns))
    together = BitsPerByte().estimate(Records.of(columns, clusters="topic"))
    assert together.method == "jackknife over 8 clusters"
    assert together.value == pytest.approx(alone.value)
    assert alone.low is not None
    assert alone.high is not None
    assert together.low is not None
    assert together.high is not None
    assert together.high - together.low > 2.5 * (alone.high - alone.low)
    with pytest.raises(KeyError, match=r"no column 'group\.author'"):
        BitsPerByte().estimate(Records.of(columns, clusters="author"))


@pytest.mark.parametrize("clusters", [None, "topic"])
def test_the_mean_over_documents_is_the_metric(clusters: str | None) -> None:
    """What compares two runs by document; of a cluster the first document speaks, though it was not scored itself."""
    protocol = {"clusters": clusters, "entropy_rate": 0.125} if clusters else {"entropy_rate": 0.125}
    table = records(protocol, id=list("abcd"), nll=[None, 6.0, 2.0, 3.0], bytes=[None, 12, 4, 5], words=[1, 1, 1, 1],
                    tokens=[1, 1, 1, 1], tokenizer=["t"] * 4, **{"group.topic": ["x", "y", "x", "y"]})  # fmt: skip
    for metric in (BitsPerByte(), ExcessBits()):
        values = metric.per_example(table)
        assert np.nanmean(values) == pytest.approx(metric.estimate(table).value)
        assert np.isnan(values).tolist() == ([False, False, True, True] if clusters else [True, False, False, False])


def test_sums_give_the_metrics_and_count_a_cluster_once() -> None:
    columns = {
        "id": ["a", "b", "c", "d"],
        "nll": [2.0, 4.0, None, 6.0],
        "tokens": [1, 2, None, 3],
        "words": [1, 1, None, 2],
        "bytes": [4, 4, None, 8],
        "tokenizer": ["t"] * 4,
        "group.topic": ["x", "x", "y", "z"],
    }
    alone, together = Records.of(columns), Records.of(columns, clusters="topic")
    for metric, function in ((Perplexity(), np.exp), (WordPerplexity(), np.exp), (BitsPerByte(), float)):
        for records in (alone, together):
            tops, bottoms = metric.sums(records)
            assert function(np.nansum(tops) / np.nansum(bottoms)) == pytest.approx(metric.estimate(alone).value)
    tops, bottoms = Perplexity().sums(together)
    assert tops == pytest.approx([6.0, np.nan, np.nan, 6.0], nan_ok=True)
    assert bottoms == pytest.approx([3.0, np.nan, np.nan, 3.0], nan_ok=True)


def test_the_bits_of_the_noise_itself() -> None:
    """8 nats over 16 bytes; a document whose changes are not told does not count."""
    given = records(noise_nats=[2.0, 6.0, None])
    found = NoiseBits().estimate(given)
    assert found.value == pytest.approx(0.5 / math.log(2))
    assert (found.n, found.n_missing) == (2, 1)
    untold = NoiseBits().estimate(records(noise_nats=[None, None, None]))
    assert (untold.value, untold.reason) == (None, "this noise does not tell how unlikely its changes are")


def test_the_excess_of_a_model_that_had_luck_is_below_zero_and_may_be() -> None:
    lucky = records({"entropy_rate": 1.0})
    found = ExcessBits().estimate(lucky)
    assert found.value == pytest.approx(0.5 / math.log(2) - 1)
    assert ExcessBits.limits[0] < (found.value or 0) < 0
    assert BitsPerByte.limits[0] == 0
