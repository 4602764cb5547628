"""Estimates: a value with its interval, and how both were obtained."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """The value of a metric with its confidence interval.

    Attributes:
        value: the point estimate, or None where it is undefined; then `reason` says why.
        low, high: the ends of the interval; None where there is no interval.
        level: the nominal coverage of the interval, e.g. 0.95.
        method: how the interval was made, e.g. "wilson", "student-t", "bootstrap".
        n: the number of records behind the value.
        n_missing: records that should have counted and could not.
        reason: why the value is undefined, or what is left out of it; else empty.
        null: what the value would be on average if there were nothing to find, such as no gap between groups or perfect
            calibration; None where that is 0 or has no meaning.
        p: the probability of a value as large if there were nothing to find; None where nothing was tested.
        within: what must be equal, beside what must be equal for the whole row, before this number may be compared:
            "tokenizer 1f3a9c20" for a perplexity per token. Empty for most.
    """

    value: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    n: int
    n_missing: int = 0
    reason: str = ""
    null: float | None = None
    p: float | None = None
    within: str = ""

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            if number is not None and math.isnan(number):
                raise ValueError(f"{name} is NaN; an undefined estimate is None with a reason")
        if self.value is None and not self.reason:
            raise ValueError("an estimate without a value needs a reason")
        if self.value is not None and self.low is not None and self.high is not None and not self.low <= self.high:
            raise ValueError(f"interval [{self.low}, {self.high}] is upside down")

    @classmethod
    def undefined(cls, reason: str, *, n: int = 0, n_missing: int = 0) -> Estimate:
        """An estimate that has no value, for instance because a denominator is empty."""
        return cls(None, None, None, 0.95, "none", n, n_missing, reason)

    @classmethod
    def not_applicable(cls, reason: str, *, n: int) -> Estimate:
        """An estimate of a metric that does not apply to these records, such as success without an attack."""
        return cls(None, None, None, 0.95, "not applicable", n, 0, reason)

    @property
    def applies(self) -> bool:
        """Whether the metric applies to these records."""
        return self.method != "not applicable"
