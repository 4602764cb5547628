"""Coverage of the expected best of k tries, of the tries that a target needs, and of spreads over configurations."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from harness.api import Row
from harness_capacity.comparisons.best_of_k import BestOfK
from searched_rows import cells, rows
from simulation.framework import Case, Outcome, covers

Floats = npt.NDArray[np.float64]
_NOISE, _SEEDS = 0.01, 3


def _even(rng: np.random.Generator, n: int) -> Floats:
    return rng.uniform(0.5, 0.95, n)


def _skewed(rng: np.random.Generator, n: int) -> Floats:
    return np.clip(1 - 0.08 * np.exp(0.6 * rng.normal(size=n)), 0.05, 0.95)


def _some_fail(rng: np.random.Generator, n: int) -> Floats:
    good = np.clip(1 - 0.08 * np.exp(0.4 * rng.normal(size=n)), 0.05, 0.95)
    return np.where(rng.random(n) < 0.25, rng.uniform(0.1, 0.5, n), good)


def _few_are_good(rng: np.random.Generator, n: int) -> Floats:
    return np.where(rng.random(n) < 0.1, rng.uniform(0.9, 0.95, n), np.minimum(rng.normal(0.8, 0.02, n), 0.95))


_WORLDS = {"even": _even, "skewed": _skewed, "a quarter fails": _some_fail, "one in ten is good": _few_are_good}


@cache
def _many(world: Callable[[np.random.Generator, int], Floats]) -> Floats:
    """The scores of 200,000 tries, sorted."""
    rng = np.random.default_rng(1)
    return np.sort(world(rng, 200_000) + rng.normal(0, _NOISE / np.sqrt(_SEEDS), 200_000))


def _truth(world: Callable[[np.random.Generator, int], Floats], k: int) -> float:
    """The expected best of k new tries."""
    scores = _many(world)
    below = np.arange(len(scores) + 1) / len(scores)
    return float(scores @ np.diff(below**k))


def _table(
    rng: np.random.Generator, world: Callable[[np.random.Generator, int], Floats], n: int, k: int, target: float = 0.9
) -> list[Row]:
    scores = (world(rng, n)[:, None] + rng.normal(0, _NOISE, (n, _SEEDS))).clip(0, 1).tolist()
    return list(BestOfK(target=target, tries=[k]).rows(cells(rows("net", scores, scores))))


def _best(rng: np.random.Generator, *, world: str, n: int, k: int) -> Outcome:
    return covers(_table(rng, _WORLDS[world], n, k)[0].estimates["best_on_validation"], _truth(_WORLDS[world], k))


def _tries(rng: np.random.Generator, *, world: str, n: int, target: float) -> Outcome:
    needed = _table(rng, _WORLDS[world], n, 1, target)[-1].estimates["tries_needed"]
    return covers(needed, _fewest(world, target))


@cache
def _fewest(world: str, target: float) -> int:
    return next(k for k in range(1, 1000) if _truth(_WORLDS[world], k) >= target)


def _configurations(rng: np.random.Generator, *, world: str, n: int) -> Outcome:
    spread = _table(rng, _WORLDS[world], n, 1)[-1].estimates["spread_configurations"]
    of_seeds = _NOISE**2 / _SEEDS
    return covers(spread, float(np.sqrt(_many(_WORLDS[world]).var() - of_seeds)))


def _over_seeds(rng: np.random.Generator, *, n: int) -> Outcome:
    return covers(_table(rng, _skewed, n, 1)[-1].estimates["spread_seeds"], _NOISE)


CASES = [
    *(
        Case(
            "best_of_k",
            f"{world}, {k} of {n} tries",
            partial(_best, world=world, n=n, k=k),
            conservative=True,
            repetitions=150,
        )
        for world in _WORLDS
        for n, k in ((10, 1), (10, 5), (20, 3), (20, 19))
    ),
    *(
        Case(
            "best_of_k tries_needed",
            f"{world}, 20 tries",
            partial(_tries, world=world, n=20, target=target),
            conservative=True,
            repetitions=150,
        )
        for world, target in (("even", 0.85), ("skewed", 0.93), ("a quarter fails", 0.93))
    ),
    # `BestOfK` says so: a rare good configuration, or the tail of a skewed spread, is often not among the tries.
    *(
        Case(
            "best_of_k spread_configurations",
            f"{world}, 20 tries",
            partial(_configurations, world=world, n=20),
            least=0.75,
            conservative=True,
            repetitions=150,
        )
        for world in _WORLDS
    ),
    Case("best_of_k spread_seeds", "skewed, 20 tries of 3 seeds", partial(_over_seeds, n=20), repetitions=150),
]
