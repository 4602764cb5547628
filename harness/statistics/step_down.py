"""Many tests of pairs at once, adjusted for how they depend on one another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_DRAWS = 10_000
_MOST_NUMBERS_AT_ONCE = 4_000_000


def step_down(p: npt.ArrayLike, first: npt.ArrayLike, second: npt.ArrayLike, covariance: Floats) -> Floats:
    """Return adjusted p-values of the differences of pairs, so that with 95 % none below .05 is false.

    Holm's procedure takes the tests for the worst that they might be together. Differences of the same models are
    strongly correlated, so the largest of them is smaller than that. It is drawn, studentised, from a normal
    distribution with the covariance of the models, for the hypotheses that are still open: the step-down procedure of
    Romano & Wolf 2005 (Econometrica 73:1237-1282, algorithm 4.1), as Mogstad, Romano, Shaikh & Wilhelm 2024 use it for
    ranks. The tests may be exact: they enter by the normal quantiles of their p-values.

    Args:
        p: `[pairs]`, two-sided.
        first, second: `[pairs]`, which models each compares.
        covariance: `[models, models]`, of the means.
    """
    from scipy.special import ndtri

    own, one, other = np.asarray(p, dtype=np.float64), np.asarray(first), np.asarray(second)
    size = -ndtri(np.maximum(own, np.finfo(float).tiny) / 2)
    order = np.argsort(-size, kind="stable")
    one, other = one[order], other[order]
    variance = np.diag(covariance)[one] + np.diag(covariance)[other] - 2 * covariance[one, other]
    error = np.sqrt(np.maximum(variance, 0))
    rng = np.random.default_rng(0)
    reached = np.zeros(len(own), dtype=np.int64)
    rows = max(1, _MOST_NUMBERS_AT_ONCE // max(1, len(own)))
    for start in range(0, _DRAWS, rows):
        drawn = rng.multivariate_normal(
            np.zeros(len(covariance)), covariance, min(rows, _DRAWS - start), check_valid="ignore", method="svd"
        )
        difference = np.abs(drawn[:, one] - drawn[:, other])
        units = np.divide(difference, error, out=np.zeros_like(difference), where=error > 0)
        # The largest of a hypothesis and of all that are less significant.
        open_yet = np.maximum.accumulate(units[:, ::-1], axis=1)[:, ::-1]
        reached += (open_yet >= size[order]).sum(axis=0)
    adjusted = np.empty_like(own)
    adjusted[order] = np.maximum.accumulate((reached + 1) / (_DRAWS + 1))
    return np.maximum(adjusted, own)
