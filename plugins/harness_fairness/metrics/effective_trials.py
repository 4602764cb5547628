"""How many independent trials the pairs of shared identities are worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.api import LEVEL, effective_number, normal_quantile, student_quantile

Floats = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]


def effective_trials(errors: Floats, identities: Sequence[Names]) -> float:
    """The number of independent trials that would give the variance of the share of errors.

    A pair has two identities, and depends on every other pair that has either: with residuals r, the variance of the
    sum is that of the sums over all pairs of an identity, less what pairs of the same two identities add twice
    (dyadic clustering: Fafchamps & Gubert 2007; Aronow, Samii & Assenova 2015, section 3). Few identities know that
    variance badly: the trials are fewer by the square of the quotient of Student's and the normal quantile.

    Args:
        errors: `[pairs]`, 0 or 1, and not all alike.
        identities: one or two columns `[pairs]`.
    """
    n, share = len(errors), float(errors.mean())
    residuals = errors - share
    names, codes = np.unique(np.concatenate(identities), return_inverse=True)
    sides = codes.reshape(len(identities), n)
    first, other = sides[0], sides[-1]
    of_two = first != other
    sums = np.bincount(first, residuals, len(names)) + np.bincount(other[of_two], residuals[of_two], len(names))
    pairs = np.minimum(first, other)[of_two] * len(names) + np.maximum(first, other)[of_two]
    _, of_pair = np.unique(pairs, return_inverse=True)
    twice = np.bincount(of_pair, residuals[of_two]) if len(pairs) else np.zeros(1)
    k = len(names)
    weight = np.bincount(first, minlength=k) + np.bincount(other[of_two], minlength=k)
    # As the jackknife has it: without one identity there are fewer pairs.
    left = max(1.0, n - float(weight.mean()))
    variance = float((sums**2).sum() - (twice**2).sum()) / left**2 * (k - 1) / k
    freedom = max(1.0, effective_number(weight) - 1)
    independent = share * (1 - share) / n
    few = normal_quantile(LEVEL) / student_quantile(freedom)
    return share * (1 - share) / max(variance, independent) * few**2
