"""Paired differences of two rows over the same examples."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from harness.statistics.paired import Difference, binary_difference, studentised_difference
from simulation.framework import Case, Outcome, rejects

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]


def normal(rng: np.random.Generator, n: int) -> Floats:
    """Differences with mean 0."""
    return rng.normal(size=n)


def exponential(rng: np.random.Generator, n: int) -> Floats:
    """Differences with mean 0, skewed."""
    return rng.exponential(size=n) - 1


def lognormal(rng: np.random.Generator, n: int) -> Floats:
    """Differences with mean 0, more skewed than any score (deviation of the logarithm 1.2)."""
    return rng.lognormal(0, 1.2, n) - np.exp(0.72)


def exchangeable(rng: np.random.Generator, n: int) -> Floats:
    """Differences of two log-normal losses of one kind: symmetric, with heavy tails."""
    return rng.lognormal(0, 1.2, n) - rng.lognormal(0, 1.2, n)


def _difference(rng: np.random.Generator, draw: Draw, n: int, shift: float) -> Difference:
    a = rng.normal(size=n)
    return studentised_difference(a, a + draw(rng, n) + shift, rng)


def _rejects(rng: np.random.Generator, *, draw: Draw, n: int, shift: float = 0.0) -> Outcome:
    return rejects(_difference(rng, draw, n, shift).p)


def _covers(rng: np.random.Generator, *, draw: Draw, n: int) -> Outcome:
    difference = _difference(rng, draw, n, 0.0)
    if difference.low is None or difference.high is None:
        return Outcome(None)
    return Outcome(difference.low <= 0 <= difference.high, difference.high - difference.low, above=difference.high < 0)


def _mcnemar(rng: np.random.Generator, *, n: int, gain: float) -> Outcome:
    ease = rng.random(n)
    a, b = rng.random(n) < ease * (1 - gain), rng.random(n) < ease
    return rejects(binary_difference(a, b).p)


# What skewness does to few examples is said in `studentised_difference`.
_MOST = {exponential: 0.1, lognormal: 0.15}
_WORLDS: list[Draw] = [normal, exponential, lognormal, exchangeable]

CASES = [
    *(
        Case(
            "paired difference",
            f"{draw.__name__} n {n}",
            partial(_covers, draw=draw, n=n),
            conservative=True,
            least=1 - _MOST[draw] if draw in _MOST and n < 200 else None,
        )
        for draw in _WORLDS
        for n in (6, 10, 20, 50, 200)
    ),
    *(
        Case("paired difference", f"{draw.__name__} n {n}", partial(_rejects, draw=draw, n=n), "false alarm")
        for draw in (normal, exchangeable)
        for n in (6, 10, 20, 50, 200)
    ),
    *(
        Case(
            "paired difference",
            f"normal + {shift:g} sd, n {n}",
            partial(_rejects, draw=normal, n=n, shift=shift),
            "power",
        )
        for n, shift in ((10, 1.2), (50, 0.45), (200, 0.22))
    ),
    *(Case("McNemar", f"no difference, n {n}", partial(_mcnemar, n=n, gain=0.0), "false alarm") for n in (10, 50, 200)),
    Case("McNemar", "half as often, n 200", partial(_mcnemar, n=200, gain=0.5), "power"),
]
