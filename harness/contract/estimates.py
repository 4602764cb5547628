"""Estimates: a value with its interval, and how both were obtained."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from harness.contract.errors import InvalidOutput
from harness.contract.plain import encodable, plain_number

_RELATIVE_ROUND_OFF, _ABSOLUTE_ROUND_OFF = 1e-9, 1e-12
_NUMBERS, _SHARES, _COUNTS, _TEXTS = (
    ("value", "low", "high", "null"),
    ("level", "p"),
    ("n", "n_missing"),
    ("method", "reason", "within"),
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The value of a metric with its confidence interval.

    Scalars of NumPy and torch, decimals and fractions become plain numbers.

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

    Raises:
        InvalidOutput: a number is not finite, a count not whole or negative, a level or p not from 0 to 1, the value
            outside its interval, or there is neither a value nor a reason.
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
        for name in _NUMBERS:
            self._set(name, _finite(name, getattr(self, name)))
        for name in _SHARES:
            self._set(name, _share(name, getattr(self, name)))
        for name in _COUNTS:
            self._set(name, _count(name, getattr(self, name)))
        for name in _TEXTS:
            self._set(name, _text(name, getattr(self, name)))
        if self.level is None:
            raise InvalidOutput("level is None, not a number from 0 to 1")
        if self.value is None and not self.reason:
            raise InvalidOutput("an estimate without a value needs a reason")
        _check_order(self.value, self.low, self.high)

    def _set(self, name: str, value: Any) -> None:
        if value is not getattr(self, name):
            object.__setattr__(self, name, value)

    def to_json(self) -> dict[str, Any]:
        """The estimate as a JSON object, field by field."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

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


def is_within(value: float, low: float, high: float) -> bool:
    """Whether a value lies between two ends, but for round-off."""
    largest = max((abs(number) for number in (value, low, high) if math.isfinite(number)), default=0.0)
    slack = _RELATIVE_ROUND_OFF * largest + _ABSOLUTE_ROUND_OFF
    return low - slack <= value <= high + slack


def _finite(name: str, given: Any) -> float | None:
    if given is None:
        return None
    number = plain_number(name, given)
    if math.isnan(number):
        raise InvalidOutput(f"{name} is NaN; an undefined estimate is None with a reason")
    if math.isinf(number):
        raise InvalidOutput(f"{name} is infinite; an end that is not known is None, an undefined estimate has a reason")
    return number


def _share(name: str, given: Any) -> float | None:
    number = _finite(name, given)
    if number is not None and not is_within(number, 0.0, 1.0):
        raise InvalidOutput(f"{name} is {number:g}, not from 0 to 1")
    return number


def _count(name: str, given: Any) -> int:
    number = plain_number(name, given)
    if not math.isfinite(number) or number != int(number) or number < 0:
        raise InvalidOutput(f"{name} is {number!r}, not a number of records")
    return int(number)


def _text(name: str, given: Any) -> str:
    if not isinstance(given, str):
        raise InvalidOutput(f"{name} is a {type(given).__name__}, not text")
    return encodable(given)


def _check_order(value: float | None, low: float | None, high: float | None) -> None:
    """Raise InvalidOutput unless low <= value <= high; an end or the value may be None."""
    least, most = -math.inf if low is None else low, math.inf if high is None else high
    if not is_within(least, -math.inf, most):
        raise InvalidOutput(f"interval [{low}, {high}] is upside down")
    if value is not None and not is_within(value, least, most):
        ends = ", ".join("..." if end is None else f"{end:.6g}" for end in (low, high))
        raise InvalidOutput(f"the value {value:.6g} lies outside its interval [{ends}]")
