"""Gaps between groups: false alarms, power and coverage of what prints them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.api import gap_of_groups, gap_of_rates, permutation_p, permuted_counts
from harness.statistics.permutation import GapTest
from harness_fairness.metrics.worst_group import worst_difference
from simulation.framework import Case, Outcome, rejects

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]
Gap = Callable[[np.random.Generator], tuple[GapTest, float]]
"""Simulates a data set; its gap as it was tested, and the true one."""

_COMPAS = (1795, 23, 1488, 405, 8, 244)


def _covers(rng: np.random.Generator, *, gap: Gap) -> Outcome:
    test, truth = gap(rng)
    return Outcome(test.low <= truth <= test.high, test.high - test.low, above=truth > test.high)


def _rejects(rng: np.random.Generator, *, gap: Gap) -> Outcome:
    return rejects(gap(rng)[0].p)


def _cases(
    statistic: str, world: str, gap: Gap, truth: float | None, repetitions: int = 200, quick: int = 10
) -> Iterator[Case]:
    """The coverage of the true gap, and where it is given false alarms or the power to find it."""
    of_interval = partial(_covers, gap=gap)
    yield Case(statistic, world, of_interval, conservative=True, repetitions=repetitions, quick=quick)
    if truth is not None:
        measure = "power" if truth else "false alarm"
        yield Case(statistic, world, partial(_rejects, gap=gap), measure, repetitions=repetitions, quick=quick)  # type: ignore[arg-type]


def _rates(rng: np.random.Generator, *, sizes: Sequence[int], shares: Sequence[float] | float) -> tuple[GapTest, float]:
    n, p = np.array(sizes), np.broadcast_to(shares, len(sizes))
    return gap_of_rates([(rng.binomial(n, p), n)]), float(np.ptp(p))


def _any_rates(rng: np.random.Generator, *, sizes: Sequence[int]) -> tuple[GapTest, float]:
    """Rates that are drawn: of counts the coverage is a saw that falls below the nominal here and there."""
    shares = rng.random(len(sizes))
    return _rates(rng, sizes=sizes, shares=shares)[0], float(np.ptp(shares))


def _two_rates(rng: np.random.Generator) -> tuple[GapTest, float]:
    """Two rates at once, as of equalized odds: the larger gap, with one p."""
    n, m = np.array(_COMPAS), np.array([900, 20, 966, 232, 10, 133])
    return gap_of_rates([(rng.binomial(n, 0.3), n), (rng.binomial(m, 0.6), m)]), 0.0


def _groups(sizes: Sequence[int]) -> Whole:
    return np.repeat(np.arange(len(sizes)), sizes)


def _normal(
    rng: np.random.Generator, *, sizes: Sequence[int], spread: Sequence[float], last: float = 0.0
) -> tuple[GapTest, float]:
    """Means of normal values, all 0 but that of the last group."""
    group = _groups(sizes)
    values = last * (group == len(sizes) - 1) + np.array(spread)[group] * rng.normal(size=len(group))
    return gap_of_groups(values, np.ones(len(group)), group, len(sizes)), last


def _exponential(rng: np.random.Generator, *, sizes: Sequence[int], last: float = 1.0) -> tuple[GapTest, float]:
    group = _groups(sizes)
    values = rng.exponential(size=len(group)) * np.where(group == len(sizes) - 1, last, 1.0)
    return gap_of_groups(values, np.ones(len(group)), group, len(sizes)), last - 1.0


def _overconfidence(rng: np.random.Generator, *, sizes: Sequence[int], unsure: int) -> tuple[GapTest, float]:
    """All groups are calibrated; some are sure of their answers and others are not."""
    group = _groups(sizes)
    p = np.where(group >= unsure, rng.beta(30, 1, len(group)), rng.beta(2, 2, len(group)))
    excess = p - (rng.random(len(group)) < p)
    return gap_of_groups(excess, np.ones(len(group)), group, len(sizes), floor=p * (1 - p)), 0.0


def _word_errors(
    rng: np.random.Generator, *, sizes: Sequence[int], spread: Sequence[float], means: Sequence[float]
) -> tuple[GapTest, float]:
    """Speakers have rates of their own around that of their group."""
    group = _groups(sizes)
    rate = np.clip(np.array(means)[group] + np.array(spread)[group] * rng.normal(size=len(group)), 0, 1)
    words = rng.integers(60, 200, len(group))
    errors = rng.binomial(words, rate).astype(np.float64)
    return gap_of_groups(errors, words.astype(np.float64), group, len(sizes)), float(np.ptp(means))


def _false_matches(rng: np.random.Generator, *, identities: int) -> tuple[GapTest, float]:
    """30 pairs of each identity, which differ by 1 on the logit scale."""
    group = _groups([identities, identities])
    rate = 1 / (1 + np.exp(2.5 - rng.normal(size=len(group))))
    errors = rng.binomial(30, rate).astype(np.float64)
    return gap_of_groups(errors, np.full(len(group), 30.0), group, 2), 0.0


def _worst_group(rng: np.random.Generator, *, shares: Sequence[float]) -> Outcome:
    n = np.array(_COMPAS)
    successes = rng.binomial(n, shares)
    drawn = worst_difference(permuted_counts(int(successes.sum()), n, rng, 499), n, False)
    return rejects(permutation_p(float(worst_difference(successes, n, False)), drawn))


_UNEQUAL: dict[str, tuple[Sequence[int], Sequence[float]]] = {
    "COMPAS sizes, .30 against .23": (_COMPAS, [0.3, *[0.23] * 5]),
    "2 x 2000 (.1, .2) + 8 x 10": ([2000, 2000, *[10] * 8], [0.1, 0.2, *[0.15] * 8]),
    "5000 + 200 at .3 + 4 x 5": ([5000, 200, *[5] * 4], [0.1, 0.3, *[0.1] * 4]),
    "2 x 1000 (.1, .2) + 25 of 4 to 52": ([1000, 1000, *range(4, 54, 2)], [0.1, 0.2, *[0.15] * 25]),
    "10 x 100, one +.15": ([100] * 10, [0.25, *[0.1] * 9]),
}
_EQUAL: dict[str, Sequence[int]] = {
    "10 x 100": [100] * 10,
    "20 x 10": [10] * 20,
    "10 x 8 + 10 x 120": [8] * 10 + [120] * 10,
    "10 to 10000": [10, 30, 100, 1000, 10000],
    "10 x 5 + 5000": [*[5] * 10, 5000],
    "2, 2, 3000, 3000": [2, 2, 3000, 3000],
}
_ANY: dict[str, Sequence[int]] = {
    "2 x 12": [12, 12],
    "2 x 200": [200, 200],
    "10 and 5000": [10, 5000],
    "200 and 20": [200, 20],
    "5 of 10 to 300": [10, 20, 50, 100, 300],
}
_SPREADS: dict[str, tuple[list[int], list[float]]] = {
    "10 of sd 3, 500 of sd 1": ([10, 500], [3, 1]),
    "50 of sd 3, 500 of sd 1": ([50, 500], [3, 1]),
    "5 x 10 of sd 3, 5 x 200 of sd 1": ([10] * 5 + [200] * 5, [3.0] * 5 + [1.0] * 5),
    "500 of sd 3, 10 of sd 1": ([500, 10], [3, 1]),
}
_SPEAKERS: dict[str, tuple[list[int], list[float]]] = {
    "5 of sd .15, 60 of sd .05": ([5, 60], [0.15, 0.05]),
    "2 x 3": ([3, 3], [0.05, 0.05]),
    "2 x 5": ([5, 5], [0.05, 0.05]),
    "10 x 5": ([5] * 10, [0.05] * 10),
}
_SURE: dict[str, tuple[list[int], int]] = {
    "30, 2000": ([30, 2000], 1),
    "200, 2000": ([200, 2000], 1),
    "3 x 40, 3 x 1000": ([40] * 3 + [1000] * 3, 3),
}


def _every_case() -> Iterator[Case]:
    def of(
        statistic: str, world: str, truth: float | None, simulated: Callable[..., Any], **fixed: Any
    ) -> Iterator[Case]:
        return _cases(statistic, world, partial(simulated, **fixed), truth)

    for name, (n, p) in _UNEQUAL.items():
        yield from of("gap of rates", name, float(np.ptp(p)), _rates, sizes=n, shares=p)
    for name, n in _EQUAL.items():
        for share in (0.5, 0.1, 0.02):
            yield from of("gap of rates", f"{name} at {share:g}", 0.0, _rates, sizes=n, shares=share)
    for name, n in _ANY.items():
        yield from of("gap of rates", f"{name}, p uniform", None, _any_rates, sizes=n)
    yield from of("gap of two rates", "COMPAS sizes", 0.0, _two_rates)
    for name, (n, sd) in _SPREADS.items():
        yield from of("gap of means", name, 0.0, _normal, sizes=n, spread=sd)
    few = {"sizes": [2] * 8 + [2000] * 2, "spread": [1.0] * 10, "last": 0.15}
    yield from _cases("gap of means", "2 x 2000 (.15 sd) + 8 x 2", partial(_normal, **few), 0.15, 100, 10)  # type: ignore[arg-type]
    yield from of("gap of means", "exponential 1 and 2.5, 2 x 30", 1.5, _exponential, sizes=[30, 30], last=2.5)
    for name in ("10 x 100", "10 x 8 + 10 x 120"):
        yield from of("gap of means", f"exponential, {name}", 0.0, _exponential, sizes=_EQUAL[name])
    for name, (n, unsure) in _SURE.items():
        yield from of("calibration gap", f"unsure and sure {name}", 0.0, _overconfidence, sizes=n, unsure=unsure)
    for name, (n, sd) in _SPEAKERS.items():
        yield from of("WER gap", name, 0.0, _word_errors, sizes=n, spread=sd, means=[0.4] * len(n))
    yield from of(
        "WER gap", "2 x 20 (.10, .26)", 0.16, _word_errors, sizes=[20, 20], spread=[0.05] * 2, means=[0.1, 0.26]
    )
    for identities in (25, 60):
        yield from of("FMR gap", f"2 x {identities} identities", 0.0, _false_matches, identities=identities)
    for measure, worse in (("false alarm", 0.23), ("power", 0.29)):
        trial = partial(_worst_group, shares=[worse, *[0.23] * 5])
        yield Case("worst group", "COMPAS sizes, largest at " + f"{worse:g}", trial, measure)  # type: ignore[arg-type]


CASES = [*_every_case()]
