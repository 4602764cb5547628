"""Likelihoods and their intervals against numbers that are known: closed forms, and published ones."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats

from harness.api import ClusteredSums, Context, Examples, Records, ratio_of_sums
from harness_language.corpora.markov import MarkovSource, markov
from harness_language.corpora.published import names, tinyshakespeare
from harness_language.corpora.topics import topics
from harness_language.metrics.likelihood import BitsPerByte, EntropyRate, ExcessBits, Perplexity, WordPerplexity
from harness_language.models.ngram import NGram
from harness_language.models.uniform import Uniform
from harness_language.tasks.score_text import Language

jackknife = partial(ratio_of_sums, interval="jackknife")
Floats = npt.NDArray[np.float64]


def scored(model: Any, data: Examples, **how: Any) -> Records:
    outcome = Language(**how).run(model, data, None, Context())
    return Records.of(outcome.records, **outcome.protocol)


def learned(data: Examples, **how: Any) -> NGram:
    model = NGram(**how)
    model.fit(lambda split: data, Context())
    return model


@pytest.mark.parametrize(("window", "stride", "bos"), [(256, 128, "start"), (7, 3, "none")])
def test_who_knows_nothing_is_as_perplexed_as_there_are_bytes(window: int, stride: int, bos: str) -> None:
    whole = topics()
    data = Examples(
        whole.ids[:20],
        {"texts": whole.columns["texts"][:20]},
        {"topic": whole.groups["topic"][:20]},
        whole.facts,
    )
    records = scored(Uniform(), data, window=window, stride=stride, bos=bos)
    perplexity, bits = Perplexity().estimate(records), BitsPerByte().estimate(records)
    assert (perplexity.value, perplexity.low, perplexity.high) == pytest.approx((256.0, 256.0, 256.0), abs=1e-9)
    assert f"{perplexity.value:.6f}" == "256.000000"
    assert bits.value == pytest.approx(8.0, abs=1e-12)
    words, size = sum(len(text.split()) for text in data.columns["texts"]), int(records["bytes"].sum())
    assert WordPerplexity().estimate(records).value == pytest.approx(256 ** (size / words), rel=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_ngram_of_the_true_order_reaches_the_entropy_rate(order: int) -> None:
    """And no shorter one does. A longer document hides that its first letters cost more than the others."""
    how: dict[str, Any] = {"order": order, "letters": 3, "length": 2000, "documents": 50, "training_documents": 200}
    train, held_out = markov("train", **how), markov("held_out", **how)
    right = scored(learned(train, order=order + 1), held_out)
    estimate, excess = BitsPerByte().estimate(right), ExcessBits().estimate(right)
    rate = held_out.facts["entropy_rate"]
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low <= rate <= estimate.high
    assert estimate.high - estimate.low < 0.03
    assert excess.low is not None
    assert excess.high is not None
    assert excess.low <= 0 <= excess.high
    assert EntropyRate().estimate(right).value == rate
    short = ExcessBits().estimate(scored(learned(train, order=order), held_out))
    assert short.low is not None
    assert short.low > 0.02


def test_the_entropy_rate_of_two_letters_in_closed_form() -> None:
    """a goes to b with probability p, b to a with q: the stationary share of a is q / (p + q)."""
    p, q = 0.2, 0.7
    source = MarkovSource(np.array([[1 - p, p], [q, 1 - q]]), 1)

    def entropy(x: float) -> float:
        return -x * math.log2(x) - (1 - x) * math.log2(1 - x)

    assert source.stationary == pytest.approx([q / (p + q), p / (p + q)], abs=1e-14)
    assert source.entropy_rate == pytest.approx((q * entropy(p) + p * entropy(q)) / (p + q), abs=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize(("add", "published"), [(0.0, 2.45401), (1.0, 2.45458)])
def test_bigrams_of_names(data_folder: Path, add: float, published: float) -> None:
    """Karpathy's makemore: nats per character, name ends included, over 26 letters and the end."""
    data = names("all", folder=data_folder / "language", download=False)
    model = learned(data, order=2, smoothing="additive", add=add, alphabet="seen")
    records = scored(model, data)
    assert int(records["tokens"].sum()) == 228_146
    perplexity = Perplexity().estimate(records).value
    assert perplexity is not None
    assert math.log(perplexity) == pytest.approx(published, abs=5e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("order", "published"), [(2, 2.4819), (3, 2.0684)])
def test_ngrams_of_shakespeare(data_folder: Path, order: int, published: float) -> None:
    """Nats per character of the last tenth, one added to all counts of the first nine, over 65 characters.

    The first characters of the last tenth have nothing before them here; 2.06846 is theirs to the last digit.
    """
    folder = data_folder / "language"
    train = tinyshakespeare("first_90_percent", 0, folder, False)
    model = learned(train, order=order, smoothing="additive", alphabet="seen")
    perplexity = Perplexity().estimate(scored(model, tinyshakespeare("held_out", 0, folder, False))).value
    assert perplexity is not None
    assert math.log(perplexity) == pytest.approx(published, abs=1e-4)


def test_the_standard_error_of_equal_documents_is_that_of_their_mean() -> None:
    """With equal denominators the ratio is a mean, with the textbook's jackknife and Student's t."""
    rng = np.random.default_rng(0)
    skewed = ClusteredSums.of(nll := rng.gamma(3.0, 100.0, size=23), np.full(23, 50.0), None)
    assert skewed.standard_error() == pytest.approx(scipy.stats.sem(nll) / 50, rel=1e-12)
    residuals = (nll - nll.mean()) ** 2
    assert skewed.degrees_of_freedom() == pytest.approx(residuals.sum() ** 2 / (residuals**2).sum() + 2)
    even = np.tile([280.0, 320.0], 12)
    assert ClusteredSums.of(even, np.full(24, 50.0), None).degrees_of_freedom() == pytest.approx(23)
    estimate = jackknife(even, np.full(24, 50.0))
    assert estimate.low is not None
    low, high = scipy.stats.t.interval(0.95, 23, loc=6.0, scale=scipy.stats.sem(even) / 50)
    assert estimate.low == pytest.approx(low)
    # The upper end is that of the logarithm: a ratio that is never negative is skewed upwards.
    assert estimate.high == pytest.approx(6.0 * math.exp((high - 6.0) / 6.0))


def test_the_standard_error_of_unequal_documents_tends_to_that_of_the_linearised_ratio() -> None:
    """Cochran 1977, equation 6.13: var = sum (t - R b)^2 / (n (n - 1) mean(b)^2); of many documents both agree."""
    rng = np.random.default_rng(1)
    size = rng.lognormal(6.0, 0.5, size=2000)
    nll = size * (1.5 + 0.2 * rng.standard_normal(2000))
    sums = ClusteredSums.of(nll, size, None)
    rest = nll - sums.ratio * size
    closed = math.sqrt((rest**2).sum() / (2000 * 1999)) / size.mean()
    assert sums.standard_error() == pytest.approx(closed, rel=2e-3)


def test_clusters_of_copies_count_once() -> None:
    """Ten copies of each document say no more than one, and the interval must not shrink."""
    rng = np.random.default_rng(2)
    nll, size = rng.gamma(3.0, 100.0, size=12), rng.gamma(2.0, 50.0, size=12)
    once = jackknife(nll, size)
    copied = jackknife(np.repeat(nll, 10), np.repeat(size, 10), clusters=np.repeat(np.arange(12), 10))
    assert (copied.value, copied.low, copied.high) == pytest.approx((once.value, once.low, once.high), rel=1e-12)
    assert copied.method == "jackknife over 12 clusters"
    assert (copied.n, once.n) == (120, 12)


def percentile(top: Floats, bottom: Floats, rng: np.random.Generator) -> tuple[float, float]:
    counts = rng.multinomial(len(top), np.full(len(top), 1 / len(top)), size=500)
    low, high = np.quantile((counts @ top) / (counts @ bottom), [0.025, 0.975])
    return float(low), float(high)


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 10, 36])
@pytest.mark.parametrize(("kind", "least"), [("equal", 0.925), ("unequal", 0.925), ("related", 0.85)])
def test_coverage(kind: str, least: float, n: int) -> None:
    """Nominal 95 %: ours covers, or is nearer to it, where the percentile bootstrap of few documents does not.

    Documents are as long as each other, or log-normally long, or such that long ones are also easy to predict: rates of
    2 - ln(length / 1000) / 4, whose ratio of means is 2 - 1/4, since ln(length / 1000) has mean 1 by weight.
    """
    rng = np.random.default_rng(n)
    repeats, ours, bootstrap = 600, 0, 0
    truth = 1.75 if kind == "related" else 2.0
    for _ in range(repeats):
        size = np.full(n, 1000.0) if kind == "equal" else 1000 * rng.lognormal(0.0, 1.0, n)
        slope = np.log(size / 1000) / 4 if kind == "related" else 0.0
        nll = size * (2.0 - slope + 0.3 * rng.standard_normal(n))
        estimate = jackknife(nll, size)
        assert estimate.low is not None
        assert estimate.high is not None
        ours += estimate.low <= truth <= estimate.high
        low, high = percentile(nll, size, rng)
        bootstrap += low <= truth <= high
    assert least <= ours / repeats <= 0.98
    if n <= 10:
        assert bootstrap / repeats < 0.915
        assert ours > bootstrap + 0.03 * repeats
