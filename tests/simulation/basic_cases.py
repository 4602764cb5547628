"""Coverage of shares, means, ratios of sums and R2, few or skewed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from harness.api import Records, mean, proportion, ratio_of_sums
from harness_classification.regression_metrics import R2, RMSE
from simulation.framework import Case, Outcome, covers

Floats = npt.NDArray[np.float64]
Pairs = tuple[Floats, Floats]
World = Callable[[np.random.Generator, int], Pairs]


def _share(rng: np.random.Generator, *, n: int) -> Outcome:
    """A share whose truth is drawn, so that the coverage is averaged over it."""
    p = rng.random()
    return covers(proportion(int(rng.binomial(n, p)), n), p)


def _mean(rng: np.random.Generator, *, n: int, sigma: float) -> Outcome:
    values = rng.normal(size=n) if sigma == 0 else np.exp(rng.normal(0, sigma, n))
    return covers(mean(values), 0.0 if sigma == 0 else float(np.exp(sigma**2 / 2)))


def _exponential_mean(rng: np.random.Generator, *, n: int) -> Outcome:
    return covers(mean(rng.exponential(size=n)), 1.0)


def _rarely_positive(rng: np.random.Generator, *, n: int) -> Outcome:
    """A loss that is 0 but for one example in a hundred, as of a model that is nearly always sure and right."""
    return covers(mean(np.where(rng.random(n) < 0.01, 3.0, 0.0), least=0.0), 0.03)


def equal_lengths(rng: np.random.Generator, n: int) -> Pairs:
    """Documents of one length, with normal rates."""
    return 100 * rng.normal(2, 0.5, n).clip(0.1), np.full(n, 100.0)


def unequal_lengths(rng: np.random.Generator, n: int) -> Pairs:
    """Documents of log-normal length, with normal rates."""
    length = 100 * np.exp(rng.normal(0, 1, n))
    return length * rng.normal(2, 0.5, n).clip(0.1), length


def skewed_rates(rng: np.random.Generator, n: int) -> Pairs:
    """Documents of log-normal length and log-normal rate."""
    length = 100 * np.exp(rng.normal(0, 1, n))
    return length * 2 * np.exp(rng.normal(0, 0.5, n)), length


def falling_rates(rng: np.random.Generator, n: int) -> Pairs:
    """Documents of log-normal length; long ones have low rates."""
    length = 100 * np.exp(rng.normal(0, 1, n))
    return length * 2 * (length / 100) ** -0.3 * np.exp(rng.normal(0, 0.2, n)), length


@cache
def _true_ratio(world: World) -> float:
    top, bottom = world(np.random.default_rng(1), 3_000_000)
    return float(top.sum() / bottom.sum())


def _ratio(rng: np.random.Generator, *, world: World, n: int) -> Outcome:
    return covers(ratio_of_sums(*world(rng, n)), _true_ratio(world))


def normal_errors(rng: np.random.Generator, n: int) -> Pairs:
    """Targets with normal errors of half their variance."""
    return rng.normal(size=n), rng.normal(0, 0.5**0.5, n)


def heavy_errors(rng: np.random.Generator, n: int) -> Pairs:
    """Targets with errors of Student's t with 6 degrees of freedom."""
    return rng.normal(size=n), 0.4 * rng.standard_t(6, n)


def explained(rng: np.random.Generator, n: int) -> Pairs:
    """Targets that are a linear function of a feature and noise; the function is known."""
    feature, noise = rng.normal(size=n), rng.normal(0, 0.7, n)
    return 0.7 * feature + noise, noise


def skewed_targets(rng: np.random.Generator, n: int, sigma: float) -> Pairs:
    """Log-normal targets with normal errors; few large targets make the variance to be explained."""
    return np.exp(rng.normal(0, sigma, n)), rng.normal(0, 0.5 * sigma, n)


@cache
def _true_r2(world: World) -> float:
    target, error = world(np.random.default_rng(2), 3_000_000)
    return 1 - float((error**2).mean() / target.var())


def _r2(rng: np.random.Generator, *, world: World, n: int) -> Outcome:
    target, error = world(rng, n)
    return covers(R2().estimate(_errors(target, error)), _true_r2(world))


def _rmse(rng: np.random.Generator, *, n: int) -> Outcome:
    return covers(RMSE().estimate(_errors(np.zeros(n), rng.normal(size=n))), 1.0)


def _errors(target: Floats, error: Floats) -> Records:
    return Records.of({"id": [str(i) for i in range(len(target))], "target": target, "error": error})


_RATIOS: list[tuple[str, World]] = [
    ("equal lengths", equal_lengths),
    ("unequal lengths", unequal_lengths),
    ("unequal lengths, skewed rates", skewed_rates),
    ("unequal lengths, rates fall with length", falling_rates),
]
_R2: list[tuple[str, World]] = [("normal errors", normal_errors), ("heavy tails", heavy_errors), ("linear", explained)]
# `ClusteredSums.jackknife` says so: long documents are few, and decide.
_FALLING = {(falling_rates, 5): 0.86, (falling_rates, 10): 0.86}

CASES = [
    *(Case("proportion", f"p uniform, n {n}", partial(_share, n=n)) for n in (5, 10, 30, 200)),
    *(Case("mean", f"normal, n {n}", partial(_mean, n=n, sigma=0.0)) for n in (3, 10, 100)),
    *(Case("mean", f"log-normal, sigma .5, n {n}", partial(_mean, n=n, sigma=0.5)) for n in (6, 10, 30, 300)),
    # `mean` says so: with fewer than some thirty values of so long a tail, it is seldom among them.
    *(
        Case("mean", f"log-normal, sigma 1, n {n}", partial(_mean, n=n, sigma=1.0), least=0.9 if n < 50 else 0.92)
        for n in (10, 30, 100)
    ),
    *(Case("mean", f"exponential, n {n}", partial(_exponential_mean, n=n)) for n in (6, 10, 30, 100)),
    Case("mean", "0 but for one in a hundred, n 50", partial(_rarely_positive, n=50), least=0.5, conservative=True),
    *(
        Case(
            "ratio_of_sums",
            f"{name}, {n} documents",
            partial(_ratio, world=world, n=n),
            least=_FALLING.get((world, n)),
            conservative=n <= 10,
        )
        for name, world in _RATIOS
        for n in (5, 10, 30, 100)
    ),
    *(
        Case("r2", f"{name}, n {n}", partial(_r2, world=world, n=n))
        for name, world in _R2
        for n in (5, 10, 20, 50, 200)
    ),
    *(
        Case(
            "r2",
            f"log-normal targets, sigma {sigma:g}, n {n}",
            partial(_r2, world=partial(skewed_targets, sigma=sigma), n=n),
            least=0.72 if sigma == 1 else 0.9,  # as `R2` says: the largest targets decide, and are seldom drawn
        )
        for sigma in (0.5, 1.0)
        for n in (10, 50, 200)
    ),
    *(Case("rmse", f"normal errors, n {n}", partial(_rmse, n=n)) for n in (10, 30, 200)),
]
