"""Word error rates of transcripts over the whole corpus, with intervals over speakers."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.api import (
    LEVEL,
    Estimate,
    HarnessError,
    InvalidOutput,
    Partition,
    Records,
    clusters_of,
    gap_estimate,
    mean,
    student_quantile,
)

Floats = npt.NDArray[np.float64]
MIN_SPEAKERS = 3
_APOSTROPHES = "'’‘ʼʻ＇`´"
_ZERO_WIDTH_SPACE = "\N{ZERO WIDTH SPACE}"
_LACKING = "the records have neither errors and words, nor correct_words and words, nor reference and hypothesis"


def errors_and_words(records: Records, normalise: bool) -> tuple[Floats, Floats] | None:
    """Word errors and reference words of each record, `[n]`, NaN where missing; None if the records lack them.

    Raises:
        InvalidOutput: negative counts.
        HarnessError: texts must be aligned and jiwer is not installed.
    """
    if "words" in records and ("errors" in records or "correct_words" in records):
        words = records.floats("words")
        errors = records.floats("errors") if "errors" in records else words - records.floats("correct_words")
    elif "reference" in records and "hypothesis" in records:
        errors, words = _aligned(records, normalise)
    else:
        return None
    known = np.isfinite(errors) & np.isfinite(words)
    if (errors[known] < 0).any() or (words[known] < 0).any():
        raise InvalidOutput("there are negative counts of errors or words; more words may be right than were said")
    return np.where(known, errors, np.nan), np.where(known, words, np.nan)


def _aligned(records: Records, normalise: bool) -> tuple[Floats, Floats]:
    errors, words = np.full(len(records), np.nan), np.full(len(records), np.nan)
    pairs = zip(*(records.table.column(name).to_pylist() for name in ("reference", "hypothesis")), strict=True)
    for i, (reference, hypothesis) in enumerate(pairs):
        # What is missing is None; an empty text is an answer, or silence.
        if reference is not None and hypothesis is not None:
            spoken = _words(reference, normalise)
            errors[i], words[i] = _word_errors(spoken, _words(hypothesis, normalise)), len(spoken)
    return errors, words


def _word_errors(reference: list[str], hypothesis: list[str]) -> int:
    """The fewest substitutions, deletions and insertions. Raises HarnessError if jiwer is needed and not installed."""
    if not reference or not hypothesis:
        return len(reference) + len(hypothesis)
    try:
        import jiwer
    except ImportError as error:
        raise HarnessError(
            "aligning transcripts needs jiwer: pip install 'neural-harness[fairness]', or give errors and words"
        ) from error
    alignment = jiwer.process_words(" ".join(reference), " ".join(hypothesis))
    return int(alignment.substitutions + alignment.deletions + alignment.insertions)


def _words(text: Any, normalise: bool) -> list[str]:
    """The words of a transcript, composed (NFC), so that one spelling of a letter equals the other.

    Raises:
        InvalidOutput: the transcript is no text.
    """
    if not isinstance(text, str):
        raise InvalidOutput(
            f"a transcript is {text!r:.40}, a {type(text).__name__}; references and hypotheses are texts"
        )
    return unicodedata.normalize("NFC", _without_punctuation(text.lower()) if normalise else text).split()


def _without_punctuation(text: str) -> str:
    """The text with spaces for punctuation and symbols; apostrophes and invisible characters close up."""
    kept: list[str] = []
    for character in text:
        category = unicodedata.category(character)
        if character in _APOSTROPHES or (category == "Cf" and character != _ZERO_WIDTH_SPACE):
            continue
        # A combining mark, such as a vowel sign, belongs to the letter before it.
        is_mark = category[0] == "M" and bool(kept) and kept[-1] != " "
        kept.append(character if is_mark or character.isalnum() else " ")
    return "".join(kept)


class Wer:
    """Word error rate: errors over reference words of the whole corpus, with an interval over speakers.

    The records hold `errors` and `words`, or `correct_words` and `words` (insertions are then not counted), or
    `reference` and `hypothesis`, which are aligned with jiwer. The mean over utterances is another number: it weighs
    a word in a short utterance more.

    Args:
        speaker: the column that says who spoke; without it each record is a speaker of its own.
        average: over the corpus, or over its utterances.
        normalise: lower case, and no punctuation, before alignment; an apostrophe parts no word.
    """

    columns = ()
    direction = "min"
    unit = "fraction"
    limits = (0.0, math.inf)

    def __init__(
        self, speaker: str = "speaker", average: Literal["corpus", "utterance"] = "corpus", normalise: bool = False
    ) -> None:
        self.speaker, self.average, self.normalise = speaker, average, normalise

    @property
    def clusters(self) -> str:
        """Speakers, not their utterances, are independent."""
        return self.speaker

    def sums(self, records: Records) -> tuple[Floats, Floats]:
        """Errors and words; of the average over utterances, their rates and ones."""
        counted = errors_and_words(records, self.normalise)
        if counted is None:
            return np.full(len(records), np.nan), np.full(len(records), np.nan)
        errors, words = counted
        if self.average == "corpus":
            return errors, words
        spoken = words > 0
        rates = np.divide(errors, words, out=np.full(len(words), np.nan), where=spoken)
        return rates, np.where(spoken, 1.0, np.nan)

    def estimate(self, records: Records) -> Estimate:
        counted = errors_and_words(records, self.normalise)
        if counted is None:
            return Estimate.not_applicable(_LACKING, n=len(records))
        errors, words = counted
        known = np.isfinite(errors)
        n_missing = int((~known).sum())
        if self.average == "utterance":
            spoken = known & (words > 0)
            rate = mean(errors[spoken] / words[spoken], least=0.0, n_missing=len(records) - int(spoken.sum()))
            silent = int((known & (words == 0)).sum())
            silence = f"{silent} without a word said have no rate" if silent else ""
            return replace(rate, reason="; ".join(filter(None, (silence, rate.reason))))
        speakers = clusters_of(records, self.speaker)
        if words[known].sum() == 0:
            return Estimate.undefined("the references have no words", n=len(records), n_missing=n_missing)
        who = np.arange(len(records)) if speakers is None else speakers
        _, of_row = np.unique(who[known], return_inverse=True)
        top: Floats = np.bincount(of_row, errors[known]).astype(np.float64)
        bottom: Floats = np.bincount(of_row, words[known]).astype(np.float64)
        value, low, high, method = _corpus_rate(top, bottom, "records" if speakers is None else "speakers")
        return Estimate(value, low, high, LEVEL, method, int(known.sum()), n_missing)


class WerGap:
    """The largest word error rate of a group less the smallest; speakers, not utterances, are permuted.

    The interval is Welch's for all pairs of groups at once, on the jackknife over speakers, as long as permutations
    need. Two groups of three speakers have only 10 permutations: no gap can be found, and the row says "too few".

    Args:
        group: a group column of the speakers, or several joined by `*`.
        speaker: the column that says who spoke; without it each record is a speaker of its own.
        normalise: lower case, and no punctuation, before alignment; an apostrophe parts no word.
        least: groups with fewer speakers are left out and listed.
    """

    columns = ()
    direction = "min"
    unit = "fraction"
    limits = (0.0, math.inf)

    def __init__(
        self, group: str, speaker: str = "speaker", normalise: bool = False, least: Annotated[int, Ge(2)] = 2
    ) -> None:
        self.group, self.speaker, self.normalise, self.least = group, speaker, normalise, least

    def estimate(self, records: Records) -> Estimate:
        counted = errors_and_words(records, self.normalise)
        if counted is None:
            return Estimate.not_applicable(_LACKING, n=len(records))
        partition = Partition.of(records, self.group)
        if partition.alone:
            return Estimate.not_applicable(partition.alone, n=len(records))
        errors, words = counted
        speakers, n_missing = clusters_of(records, self.speaker), int((~np.isfinite(errors)).sum())
        alone = "the records name no speaker: each is taken for one"
        who, units = (
            (np.arange(len(records)), "records") if speakers is None else (speakers, f"clusters by {self.speaker}")
        )
        gap = gap_estimate(errors, words, partition, clusters=who, units=units, least=self.least, n_missing=n_missing)
        return gap if speakers is not None or gap.value is None else replace(gap, reason=f"{alone}; {gap.reason}")


def _corpus_rate(top: Floats, bottom: Floats, units: str) -> tuple[float, float | None, float | None, str]:
    """Errors over words of speakers `[n]`, the ends of its interval, and the method of the interval.

    Student's t of the jackknife's values, on the logarithmic scale, since few speakers have most of the errors: with 5
    speakers it covers .92, a percentile bootstrap over them .74. The variance is no less than that of as many words
    which are wrong independently. Beyond a factor e the upper end grows no faster than linearly, and fewer than three
    speakers have no interval. Without any error: of all speakers no more than the rule of three allows have some.
    """
    value, n = float(top.sum() / bottom.sum()), len(top)
    with_words = int((bottom > 0).sum())
    if with_words < MIN_SPEAKERS and value > 0:
        return value, None, None, f"too few for an interval: {with_words} {units}"
    if value == 0:
        return 0.0, 0.0, 1 - (1 - LEVEL) ** (1 / with_words), f"rule of three over {with_words} {units}"
    # The jackknife's value of each speaker for the ratio of sums (Tukey 1958).
    pseudo = n * value - (n - 1) * (top.sum() - top) / (bottom.sum() - bottom)
    words = float(bottom.sum())
    variance = max(float(pseudo.var(ddof=1)) / n, value * max(1 - value, 1 / words) / words)
    reach = student_quantile(n - 1) * math.sqrt(variance) / value
    above = math.exp(reach) if reach <= 1 else 1 + reach * (math.e - 1)
    return value, value * math.exp(-reach), value * above, f"jackknife over {n} {units}, log t"
