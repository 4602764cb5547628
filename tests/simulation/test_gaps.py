"""False alarms, power and coverage of the gaps between groups, through what prints them.

Each case is a function that returns its rows: what was simulated, the number of rows of a data set, how many data sets
with their seed, what was measured, and its limit: an upper one of a false alarm, a lower one of power and coverage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from harness.statistics import gaps_of_means, gaps_of_rates
from harness.statistics.gaps import gap_of_groups
from harness.statistics.gaps_of_rates import gap_of_rates
from harness.statistics.permutation import GapTest, permutation_p, permuted_counts
from harness_fairness.metrics.worst_group import worst_difference

pytestmark = [pytest.mark.slow, pytest.mark.extended]
Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]
SEED, DRAWS, PERMUTATIONS = 13, 200, 499
ALARM, POWER, COVERAGE = 0.07, 0.8, 0.93
COMPAS = (1795, 23, 1488, 405, 8, 244)


class Measured(NamedTuple):
    """What was measured in one case."""

    name: str
    n: int
    seeds: str
    measured: float
    limit: float


@pytest.fixture(autouse=True)
def fewer_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps_of_means, "PERMUTATIONS", PERMUTATIONS)
    monkeypatch.setattr(gaps_of_rates, "PERMUTATIONS", PERMUTATIONS)
    monkeypatch.setattr(gaps_of_rates, "permuted_counts", lambda s, n, rng: permuted_counts(s, n, rng, PERMUTATIONS))


def simulated(
    name: str,
    sizes: Sequence[int],
    test: Callable[[np.random.Generator], GapTest],
    truth: float = 0.0,
    draws: int = DRAWS,
) -> list[Measured]:
    """Rows of the share of data sets in which a gap is found, and in which the true gap is in the interval."""
    rng, seeds = np.random.default_rng(SEED), f"{draws} from {SEED}"
    tests = [test(rng) for _ in range(draws)]
    assert all((each.low > 0) == (each.p <= 0.05) for each in tests), name
    found = float(np.mean([each.p <= 0.05 for each in tests]))
    covered = float(np.mean([each.low <= truth <= each.high for each in tests]))
    rows = [Measured(f"coverage: {name}", sum(sizes), seeds, covered, COVERAGE)]
    if truth == 0:
        return [Measured(f"false alarm: {name}", sum(sizes), seeds, found, ALARM), *rows]
    return [Measured(f"power: {name}", sum(sizes), seeds, found, POWER), *rows]


def rates(sizes: Sequence[int], shares: Sequence[float] | float) -> Callable[[np.random.Generator], GapTest]:
    n, p = np.array(sizes), np.broadcast_to(shares, len(sizes))
    return lambda rng: gap_of_rates([(rng.binomial(n, p), n)])


def rates_with_a_gap() -> list[Measured]:
    cases: dict[str, tuple[Sequence[int], Sequence[float]]] = {
        "rates, COMPAS sizes, .30 against .23": (COMPAS, [0.3, *[0.23] * 5]),
        "rates, 2 x 2000 (.1, .2) + 8 x 10": ([2000, 2000, *[10] * 8], [0.1, 0.2, *[0.15] * 8]),
        "rates, 5000 + 200 at .3 + 4 x 5": ([5000, 200, *[5] * 4], [0.1, 0.3, *[0.1] * 4]),
        "rates, 2 x 1000 (.1, .2) + 25 of 4 to 52": ([1000, 1000, *range(4, 54, 2)], [0.1, 0.2, *[0.15] * 25]),
        "rates, 10 x 100, one +.15": ([100] * 10, [0.25, *[0.1] * 9]),
    }
    return [row for name, (n, p) in cases.items() for row in simulated(name, n, rates(n, p), max(p) - min(p))]


def rates_without_a_gap() -> list[Measured]:
    cases: dict[str, Sequence[int]] = {
        "10 x 100": [100] * 10,
        "20 x 10": [10] * 20,
        "10 x 8 + 10 x 120": [8] * 10 + [120] * 10,
        "10 to 10000": [10, 30, 100, 1000, 10000],
        "10 x 5 + 5000": [*[5] * 10, 5000],
        "2, 2, 3000, 3000": [2, 2, 3000, 3000],
    }
    return [
        row
        for name, n in cases.items()
        for share in (0.5, 0.1, 0.02)
        for row in simulated(f"rates, {name} at {share:g}", n, rates(n, share), draws=2 * DRAWS)
    ]


def rates_of_every_size() -> list[Measured]:
    """Coverage of rates, averaged over them: of counts it is a saw that falls below the nominal here and there."""
    cases: dict[str, Sequence[int]] = {
        "2 x 12": [12, 12],
        "2 x 200": [200, 200],
        "10 and 5000": [10, 5000],
        "200 and 20": [200, 20],
        "5 of 10 to 300": [10, 20, 50, 100, 300],
    }
    rows = []
    for name, sizes in cases.items():
        rng, n, covered = np.random.default_rng(SEED), np.array(sizes), 0
        for _ in range(2 * DRAWS):
            shares = rng.random(len(n))
            test = gap_of_rates([(rng.binomial(n, shares), n)])
            covered += test.low <= np.ptp(shares) <= test.high
        seeds = f"{2 * DRAWS} from {SEED}"
        rows.append(Measured(f"coverage: rates, {name}, any", int(n.sum()), seeds, covered / (2 * DRAWS), COVERAGE))
    return rows


def equalized_odds() -> list[Measured]:
    """Two rates at once: the larger gap, with one p."""
    n, m = np.array(COMPAS), np.array([900, 20, 966, 232, 10, 133])

    def test(rng: np.random.Generator) -> GapTest:
        return gap_of_rates([(rng.binomial(n, 0.3), n), (rng.binomial(m, 0.6), m)])

    return simulated("two rates, COMPAS sizes", (*n.tolist(), *m.tolist()), test)


def values(
    sizes: Sequence[int],
    draw: Callable[[np.random.Generator, Whole], tuple[Floats, Floats, Floats | None]],
) -> Callable[[np.random.Generator], GapTest]:
    group = np.repeat(np.arange(len(sizes)), sizes)

    def test(rng: np.random.Generator) -> GapTest:
        top, bottom, floor = draw(rng, group)
        return gap_of_groups(top, bottom, group, len(sizes), floor=floor)

    return test


def normal(spread: Sequence[float], mean: Sequence[float] | float = 0.0) -> Callable[..., tuple[Floats, Floats, None]]:
    def draw(rng: np.random.Generator, group: Whole) -> tuple[Floats, Floats, None]:
        centre = np.broadcast_to(mean, len(spread))[group]
        return centre + np.array(spread)[group] * rng.normal(size=len(group)), np.ones(len(group)), None

    return draw


def means_that_differ_in_spread() -> list[Measured]:
    cases: dict[str, tuple[list[int], list[float]]] = {
        "10 of sd 3, 500 of sd 1": ([10, 500], [3, 1]),
        "50 of sd 3, 500 of sd 1": ([50, 500], [3, 1]),
        "5 x 10 of sd 3, 5 x 200 of sd 1": ([10] * 5 + [200] * 5, [3.0] * 5 + [1.0] * 5),
        "500 of sd 3, 10 of sd 1": ([500, 10], [3, 1]),
    }
    return [row for name, (n, sd) in cases.items() for row in simulated(f"means, {name}", n, values(n, normal(sd)))]


def means_with_a_gap() -> list[Measured]:
    n = [2] * 8 + [2000] * 2
    shifted = normal([1.0] * 10, [0.0] * 9 + [0.15])
    skewed = values([30, 30], lambda rng, g: (rng.exponential(size=60) * (1.0 + 1.5 * g), np.ones(60), None))
    return [
        *simulated("means, 2 x 2000 (.15 sd) + 8 x 2", n, values(n, shifted), 0.15, draws=60),
        *simulated("means, exponential 1 and 2.5, 2 x 30", [30, 30], skewed, 1.5),
    ]


def skewed_means_without_a_gap() -> list[Measured]:
    def draw(rng: np.random.Generator, group: Whole) -> tuple[Floats, Floats, None]:
        return rng.exponential(size=len(group)), np.ones(len(group)), None

    cases = {"10 x 100": [100] * 10, "10 x 8 + 10 x 120": [8] * 10 + [120] * 10}
    return [row for name, n in cases.items() for row in simulated(f"means, exponential {name}", n, values(n, draw))]


def overconfidence() -> list[Measured]:
    """All groups are calibrated; one is sure of its answers and the other is not."""

    def draw(rng: np.random.Generator, group: Whole, unsure: int) -> tuple[Floats, Floats, Floats]:
        sure = group >= unsure
        p = np.where(sure, rng.beta(30, 1, len(group)), rng.beta(2, 2, len(group)))
        return p - (rng.random(len(group)) < p), np.ones(len(group)), p * (1 - p)

    cases = {"30, 2000": ([30, 2000], 1), "200, 2000": ([200, 2000], 1), "3 x 40, 3 x 1000": ([40] * 3 + [1000] * 3, 3)}
    return [
        row
        for name, (n, unsure) in cases.items()
        for row in simulated(
            f"calibration, unsure and sure {name}", n, values(n, lambda rng, g, u=unsure: draw(rng, g, u)), draws=120
        )
    ]


def word_error_rates() -> list[Measured]:
    """Speakers have rates of their own around that of their group."""

    def speakers(spread: Sequence[float], mean: Sequence[float] | float) -> Callable[..., tuple[Floats, Floats, None]]:
        def draw(rng: np.random.Generator, group: Whole) -> tuple[Floats, Floats, None]:
            centre = np.broadcast_to(mean, len(spread))[group]
            rate = np.clip(centre + np.array(spread)[group] * rng.normal(size=len(group)), 0, 1)
            words = rng.integers(60, 200, len(group))
            return rng.binomial(words, rate).astype(float), words.astype(float), None

        return draw

    equal: dict[str, tuple[list[int], list[float]]] = {
        "5 of sd .15, 60 of sd .05": ([5, 60], [0.15, 0.05]),
        "2 x 3": ([3, 3], [0.05, 0.05]),
        "2 x 5": ([5, 5], [0.05, 0.05]),
        "10 x 5": ([5] * 10, [0.05] * 10),
    }
    rows = [
        row for name, (n, sd) in equal.items() for row in simulated(f"WER, {name}", n, values(n, speakers(sd, 0.4)))
    ]
    found = values([20, 20], speakers([0.05, 0.05], [0.1, 0.26]))
    return [*rows, *simulated("WER, 2 x 20 (.10, .26)", [20, 20], found, 0.16)]


def match_rates() -> list[Measured]:
    """30 pairs of each identity, which differ by 1 on the logit scale."""

    def draw(rng: np.random.Generator, group: Whole) -> tuple[Floats, Floats, None]:
        rate = 1 / (1 + np.exp(2.5 - rng.normal(size=len(group))))
        return rng.binomial(30, rate).astype(float), np.full(len(group), 30.0), None

    return [row for n in (25, 60) for row in simulated(f"FMR, 2 x {n} identities", [n, n], values([n, n], draw))]


def worst_groups() -> list[Measured]:
    """COMPAS sizes, none worse, and the largest worse by .06; by the p-value alone."""
    n, rows = np.array(COMPAS), []
    for name, shares, limit in (("false alarm", 0.23, ALARM), ("power", np.array([0.29, *[0.23] * 5]), POWER)):
        rng, small = np.random.default_rng(SEED), 0
        for _ in range(DRAWS):
            successes = rng.binomial(n, shares)
            drawn = permuted_counts(int(successes.sum()), n, rng, PERMUTATIONS)
            observed = float(worst_difference(successes, n, False))
            small += permutation_p(observed, worst_difference(drawn, n, False)) <= 0.05
        rows.append(
            Measured(f"{name}: worst group, COMPAS sizes", int(n.sum()), f"{DRAWS} from {SEED}", small / DRAWS, limit)
        )
    return rows


WORLDS: tuple[Callable[[], list[Measured]], ...] = (
    rates_with_a_gap,
    rates_without_a_gap,
    rates_of_every_size,
    equalized_odds,
    means_that_differ_in_spread,
    means_with_a_gap,
    skewed_means_without_a_gap,
    overconfidence,
    word_error_rates,
    match_rates,
    worst_groups,
)


@pytest.mark.parametrize("case", WORLDS, ids=lambda case: case.__name__)
def test_gaps(case: Callable[[], list[Measured]]) -> None:
    for row in case():
        draws = int(row.seeds.split()[0])
        noise = 2 * (row.limit * (1 - row.limit) / draws) ** 0.5
        alarm = row.name.startswith("false alarm")
        assert row.measured <= row.limit + noise if alarm else row.measured >= row.limit - noise, row
