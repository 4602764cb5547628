"""Mean corruption error: error over kinds and severities of corruption, plain or divided by another model's.

Hendrycks & Dietterich 2019 (arXiv:1903.12261), section 4.1. For a kind of corruption c, CE_c is the sum of the errors
over severities divided by the same sum of a baseline model, and the mean corruption error is the mean of CE_c over
kinds. The relative one takes the error on clean data off every error first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.api import LEVEL, Estimate, mean, wilson

Floats = npt.NDArray[np.float64]

_Z = 1.959963984540054


class NoCorruptionError(ValueError):
    """The quotient is undefined; the text says why."""


@dataclass(frozen=True)
class Mistakes:
    """Which examples a model gets wrong.

    Attributes:
        corrupted: `[examples, kinds, severities]`, 1 where the answer is wrong.
        clean: `[examples]`, the same without corruption; None if it was not measured.
    """

    corrupted: Floats
    clean: Floats | None = None

    def by_kind(self, relative: bool) -> Floats:
        """`[examples, kinds]`: the mean over severities, less the clean error if that is asked for."""
        errors: Floats = self.corrupted.mean(axis=2)
        if not relative:
            return errors
        if self.clean is None:
            raise ValueError("the error on clean data is not known")
        beyond: Floats = errors - self.clean[:, None]
        return beyond


def mean_error(model: Mistakes, *, n_missing: int = 0) -> Estimate:
    """The plain mean of the errors over kinds and severities.

    The same examples stand under all corruptions, so an example is the unit that varies, with its share of wrong
    answers as its value. The interval is Wilson's for as many independent trials as would vary as much.
    """
    shares = model.by_kind(relative=False).mean(axis=1)
    n = len(shares)
    if n == 0:
        return Estimate.undefined("no examples to count", n_missing=n_missing)
    value = float(shares.mean())
    variance = float(shares.var(ddof=1)) if n > 1 else 0.0
    # Shares that do not vary, as where all is right, say no more than n answers do.
    trials = max(float(n), n * value * (1 - value) / variance) if variance > 0 else float(n)
    low, high = wilson(value, trials, _Z)
    return Estimate(value, float(low), float(high), LEVEL, "wilson, paired over examples", n, n_missing)


def error_against(model: Mistakes, baseline: Mistakes, *, relative: bool = False, n_missing: int = 0) -> Estimate:
    """The mean corruption error against a baseline on the same examples, in the same order.

    The interval is linearised (delta method): with m_ic the share of wrong answers of example i under kind c, b_ic the
    baseline's, and R_c the quotient of their means, the quotient moves with example i by the mean over kinds of
    (m_ic - R_c b_ic) / mean(b_c). Examples are the units of a Student interval of these, so what the kinds and the two
    models share of an example is accounted for.
    """
    own, others = model.by_kind(relative), baseline.by_kind(relative)
    if not len(own):
        return Estimate.undefined("no examples to count", n_missing=n_missing)
    try:
        divisors = _divisors(others.mean(axis=0))
    except NoCorruptionError as error:
        return Estimate.undefined(str(error), n=len(own), n_missing=n_missing)
    quotients = own.mean(axis=0) / divisors
    moves = ((own - quotients * others) / divisors).mean(axis=1)
    estimate = mean(moves + quotients.mean(), least=None if relative else 0.0, n_missing=n_missing)
    method = "student-t, linearised and paired over examples"
    # The moves sum to 0 but for rounding.
    return Estimate(
        float(quotients.mean()), estimate.low, estimate.high, LEVEL, method, len(own), n_missing, estimate.reason
    )


def _divisors(errors: Floats) -> Floats:
    """The baseline's mean errors by kind, all positive."""
    if not np.all(errors > 0):
        raise NoCorruptionError(
            f"the baseline loses nothing under {int((errors <= 0).sum())} of {len(errors)} kinds, so nothing can be "
            "divided by its error"
        )
    return errors
