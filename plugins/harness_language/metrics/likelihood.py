"""Metrics of how likely a model finds texts, each a ratio of sums with an interval over documents."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.api import Estimate, Records, ratio_of_sums

_DIGITS = 12


def _per(records: Records, column: str) -> Estimate:
    """Nats per unit of a column, over the documents that were scored."""
    known = records.without_missing("nll")
    if not len(known):
        return Estimate.undefined("no document could be scored", n_missing=known.n_missing)
    return ratio_of_sums(known["nll"], known[column], n_missing=known.n_missing)


def _mapped(estimate: Estimate, function: Callable[[float], float]) -> Estimate:
    """The estimate with an increasing function applied to value and interval."""
    value, low, high = (None if end is None else function(end) for end in (estimate.value, estimate.low, estimate.high))
    return replace(estimate, value=value, low=low, high=high)


class Perplexity:
    """exp of the mean negative log-likelihood of a token; compares only within one tokenizer."""

    columns: Sequence[str] = ("nll", "tokens", "tokenizer")
    direction = "min"
    unit = ""

    def estimate(self, records: Records) -> Estimate:
        """Percentile bootstrap over documents."""
        tokenizers = sorted(set(records["tokenizer"]))
        found = _mapped(_per(records, "tokens"), math.exp)
        return replace(found, within=f"tokenizer {' '.join(name[:_DIGITS] for name in tokenizers)}")


class WordPerplexity:
    """exp of the negative log-likelihood per word, words being what white space parts in the text that was scored."""

    columns: Sequence[str] = ("nll", "words")
    direction = "min"
    unit = ""

    def estimate(self, records: Records) -> Estimate:
        """Percentile bootstrap over documents."""
        return _mapped(_per(records, "words"), math.exp)


class BitsPerByte:
    """Bits to code a byte of UTF-8: the number that compares across tokenizers."""

    columns: Sequence[str] = ("nll", "bytes")
    direction = "min"
    unit = "bits/byte"

    def estimate(self, records: Records) -> Estimate:
        """Percentile bootstrap over documents."""
        return _mapped(_per(records, "bytes"), lambda nats: nats / math.log(2))


class ExcessBits:
    """Bits per byte above the entropy rate of the source, which no model can beat in the long run."""

    columns: Sequence[str] = ("nll", "bytes")
    direction = "min"
    unit = "bits/byte"

    def estimate(self, records: Records) -> Estimate:
        """Percentile bootstrap over documents."""
        rate = records.protocol.get("entropy_rate")
        if rate is None:
            return Estimate.not_applicable("the entropy rate of the source is not known", n=len(records))
        return _mapped(_per(records, "bytes"), lambda nats: nats / math.log(2) - rate)


class EntropyRate:
    """The entropy rate of the source in bits per byte, exact: what the best model reaches."""

    columns: Sequence[str] = ("nll",)
    direction = "none"
    unit = "bits/byte"

    def estimate(self, records: Records) -> Estimate:
        """A property of the source, without an interval."""
        rate = records.protocol.get("entropy_rate")
        if rate is None:
            return Estimate.not_applicable("the entropy rate of the source is not known", n=len(records))
        return Estimate(float(rate), float(rate), float(rate), 0.95, "exact", len(records))
