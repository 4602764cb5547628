"""Metrics of the likelihood of texts, each a ratio of sums with an interval over documents.

Where the data say that documents hang together (fact `clusters`, the name of a group, such as the topic that they are
parts of), the interval is over those clusters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.api import LEVEL, ClusteredSums, Estimate, Records, ratio_of_sums

_DIGITS = 12
Floats = npt.NDArray[np.float64]


def _per(records: Records, column: str) -> Estimate:
    """Nats per unit of a column, over the documents that were scored."""
    scored = records.without_missing("nll")
    if not len(scored):
        return Estimate.undefined("no document could be scored", n_missing=scored.n_missing)
    return ratio_of_sums(
        scored["nll"], scored[column], clusters=_clusters(scored), interval="jackknife", n_missing=scored.n_missing
    )


def _clusters(records: Records) -> npt.NDArray[Any] | None:
    """The cluster of each document; None where documents are independent. Raises KeyError if there is no such group."""
    name = records.protocol.get("clusters")
    return None if name is None else records[f"group.{name}"]


def _bits_by_document(records: Records) -> Floats:
    """`[len(records)]`: values whose mean is the bits per byte, NaN where a document has none.

    A document's value is its part in the ratio, linearised. Of a cluster the first document has the value of all, so
    that who compares two models document by document compares what is independent.
    """
    scored = records.floats("nll")
    counts = np.isfinite(scored)
    values = np.full(len(records), np.nan)
    if not counts.any():
        return values
    clusters = _clusters(records)
    of_row = np.arange(len(records)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    sums = ClusteredSums.of(scored[counts], records.floats("bytes")[counts], of_row[counts])
    first = np.unique(of_row, return_index=True)[1]
    values[first[np.unique(of_row[counts])]] = sums.influences / math.log(2)
    return values


def _sums(records: Records, column: str) -> tuple[Floats, Floats]:
    """Nats and units of a column of each document; of a cluster the first document has those of all, others none.

    So what compares groups of documents exchanges what is independent. A cluster counts for the group of its first.
    """
    nats, units = records.floats("nll"), records.floats(column)
    units = np.where(np.isfinite(nats), units, np.nan)
    clusters = _clusters(records)
    if clusters is None:
        return nats, units
    first, of_row = np.unique(clusters, return_index=True, return_inverse=True)[1:]
    collapsed = []
    for values in (nats, units):
        whole = np.full(len(records), np.nan)
        whole[first] = np.bincount(of_row, np.nan_to_num(values))
        collapsed.append(np.where(whole > 0, whole, np.nan))
    return collapsed[0], collapsed[1]


def _mapped(estimate: Estimate, function: Callable[[float], float]) -> Estimate:
    """The estimate after an increasing function of value and interval."""
    value, low, high = (None if end is None else function(end) for end in (estimate.value, estimate.low, estimate.high))
    return replace(estimate, value=value, low=low, high=high)


class WordPerplexity:
    """exp of the negative log-likelihood per word, where words are separated by white space in the scored text."""

    columns: Sequence[str] = ("nll", "words")
    direction = "min"
    unit = ""
    limits = (0.0, math.inf)
    _counted = "words"

    def estimate(self, records: Records) -> Estimate:
        """Student's t and the jackknife over documents or their clusters."""
        return _mapped(_per(records, self._counted), math.exp)

    def sums(self, records: Records) -> tuple[Floats, Floats]:
        """Nats, and words or tokens, of each document or cluster."""
        return _sums(records, self._counted)


class Perplexity(WordPerplexity):
    """exp of the mean negative log-likelihood of a token; compares only within one tokenizer."""

    columns: Sequence[str] = ("nll", "tokens", "tokenizer")
    _counted = "tokens"

    def estimate(self, records: Records) -> Estimate:
        """Student's t and the jackknife over documents or their clusters."""
        tokenizers = sorted(set(records["tokenizer"]))
        within = f"tokenizer {' '.join(name[:_DIGITS] for name in tokenizers)}"
        return replace(super().estimate(records), within=within)


class BitsPerByte:
    """Bits to encode a byte of UTF-8: the number that compares across tokenizers."""

    columns: Sequence[str] = ("nll", "bytes")
    direction = "min"
    unit = "bits/byte"
    limits = (0.0, math.inf)

    def estimate(self, records: Records) -> Estimate:
        """Student's t and the jackknife over documents or their clusters."""
        return _mapped(_per(records, "bytes"), lambda nats: nats / math.log(2))

    def per_example(self, records: Records) -> Floats:
        """Each document's part in the ratio, in bits per byte."""
        return _bits_by_document(records)

    def sums(self, records: Records) -> tuple[Floats, Floats]:
        """Bits and bytes of each document or cluster."""
        nats, sizes = _sums(records, "bytes")
        return nats / math.log(2), sizes


class NoiseBits:
    """Bits per byte that noise adds by itself: -log2 of the probability of its changes, given the clean text.

    By the chain rule a noisy text holds the bits of the clean text and those of the noise, less what the noisy text
    leaves open about the clean one. So a reader that knows how the noise is made pays at most this much more than for
    the clean text; what a model pays above it is what the noise cost it. Known for noise that replaces letters.
    """

    columns: Sequence[str] = ("noise_nats", "bytes")
    direction = "none"
    unit = "bits/byte"
    limits = (0.0, math.inf)

    def estimate(self, records: Records) -> Estimate:
        """Student's t and the jackknife over documents or their clusters."""
        known = records.without_missing("noise_nats")
        if not len(known):
            return Estimate.not_applicable("this noise does not tell how unlikely its changes are", n=len(records))
        found = ratio_of_sums(known["noise_nats"], known["bytes"], clusters=_clusters(known), interval="jackknife")
        return replace(_mapped(found, lambda nats: nats / math.log(2)), n_missing=known.n_missing)


class ExcessBits(BitsPerByte):
    """Bits per byte above the entropy rate of the source, which no model can beat in the long run."""

    # On a finite text a model may have luck.
    limits = (-math.inf, math.inf)

    def estimate(self, records: Records) -> Estimate:
        """Student's t and the jackknife over documents or their clusters."""
        rate = records.protocol.get("entropy_rate")
        if rate is None:
            return Estimate.not_applicable("the entropy rate of the source is not known", n=len(records))
        return _mapped(_per(records, "bytes"), lambda nats: nats / math.log(2) - rate)

    def per_example(self, records: Records) -> Floats:
        """Each document's part in the ratio, above the entropy rate."""
        return super().per_example(records) - _entropy_rate(records)

    def sums(self, records: Records) -> tuple[Floats, Floats]:
        """Bits above the entropy rate, and bytes, of each document or cluster."""
        bits, sizes = super().sums(records)
        return bits - _entropy_rate(records) * sizes, sizes


def _entropy_rate(records: Records) -> float:
    return float(records.protocol.get("entropy_rate", np.nan))


class EntropyRate:
    """The exact entropy rate of the source in bits per byte, which the best model reaches."""

    columns: Sequence[str] = ("nll",)
    direction = "none"
    unit = "bits/byte"
    limits = (0.0, math.inf)

    def estimate(self, records: Records) -> Estimate:
        """A property of the source, without an interval."""
        rate = records.protocol.get("entropy_rate")
        if rate is None:
            return Estimate.not_applicable("the entropy rate of the source is not known", n=len(records))
        return Estimate(float(rate), float(rate), float(rate), LEVEL, "exact", len(records))
