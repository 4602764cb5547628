"""The true share behind an imperfect scorer: Rogan & Gladen 1978, with the interval of Lang & Reiczigel 2014."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.api import LEVEL, Estimate, HarnessError, normal_quantile


@dataclass(frozen=True, slots=True)
class Quality:
    """The counts of a scorer's right decisions on answers that people labelled.

    Attributes:
        true_positives: how many of the `positives` it picks.
        positives: how many answers are positive, according to people.
        true_negatives: how many of the `negatives` it does not pick.
        negatives: how many are negative.

    Raises:
        HarnessError: more were found than there are, or there are none.
    """

    true_positives: int
    positives: int
    true_negatives: int
    negatives: int

    def __post_init__(self) -> None:
        fits = 0 <= self.true_positives <= self.positives and 0 <= self.true_negatives <= self.negatives
        if not fits or not self.positives or not self.negatives:
            raise HarnessError(
                "measured counts are [true positives, positives, true negatives, negatives], with one positive and "
                f"one negative at least, not [{self.true_positives}, {self.positives}, {self.true_negatives}, "
                f"{self.negatives}]"
            )

    @classmethod
    def of(cls, picked: Sequence[bool], true: Sequence[bool]) -> Quality:
        """Count a scorer's decisions on answers with a known truth. Raises HarnessError."""
        pairs = list(zip(picked, true, strict=True))
        return cls(
            sum(picks for picks, is_so in pairs if is_so),
            sum(true),
            sum(not picks for picks, is_so in pairs if not is_so),
            len(pairs) - sum(true),
        )

    @property
    def sensitivity(self) -> float:
        """The share of positives that the scorer picks."""
        return self.true_positives / self.positives

    @property
    def specificity(self) -> float:
        """The share of negatives that the scorer does not pick."""
        return self.true_negatives / self.negatives


def corrected(picked: int, n: int, quality: Quality, *, n_missing: int = 0, level: float = LEVEL) -> Estimate:
    """The true share of positives among n answers of which a scorer picked some.

    The value is (picked / n + specificity - 1) / (sensitivity + specificity - 1), cut to [0, 1] (Rogan & Gladen 1978,
    equation 3). The interval adds what is not known of sensitivity and specificity (Lang & Reiczigel 2014, equations 4
    and 14 to 17), and is widened to the value where it does not hold it. Both rest on the scorer erring on these
    answers as often as on the labelled ones: label answers of the same model to the same sort of request.
    """
    if n == 0:
        return Estimate.undefined("no answers to count", n_missing=n_missing)
    informedness = quality.sensitivity + quality.specificity - 1
    if informedness <= 0:
        reason = (
            f"the scorer is no better than chance: sensitivity {quality.sensitivity:.3f} and specificity "
            f"{quality.specificity:.3f} add up to no more than 1"
        )
        return Estimate.undefined(reason, n=n, n_missing=n_missing)
    value = min(1.0, max(0.0, (picked / n + quality.specificity - 1) / informedness))
    z = normal_quantile(level)
    n_all, share = _shrunk(picked, n, z * z)
    n_positive, sensitivity = _shrunk(quality.true_positives, quality.positives, 2)
    n_negative, specificity = _shrunk(quality.true_negatives, quality.negatives, 2)
    slope = sensitivity + specificity - 1
    if slope <= 0:
        # So few labelled answers that nothing is known.
        return Estimate(value, 0.0, 1.0, level, _METHOD, n, n_missing)
    centre = (share + specificity - 1) / slope
    of_sensitivity = sensitivity * (1 - sensitivity) / n_positive
    of_specificity = specificity * (1 - specificity) / n_negative
    variance = share * (1 - share) / n_all + centre**2 * of_sensitivity + (1 - centre) ** 2 * of_specificity
    shift = 2 * z * z * (centre * of_sensitivity - (1 - centre) * of_specificity)
    half = z * math.sqrt(variance) / slope
    low, high = (min(1.0, max(0.0, centre + shift + sign * half)) for sign in (-1, 1))
    return Estimate(value, min(low, value), max(high, value), level, _METHOD, n, n_missing)


_METHOD = "rogan-gladen, lang-reiczigel"


def _shrunk(successes: float, n: float, added: float) -> tuple[float, float]:
    """The number of trials and the share, after adding trials of which half are successes (Agresti & Coull 1998)."""
    return n + added, (successes + added / 2) / (n + added)
