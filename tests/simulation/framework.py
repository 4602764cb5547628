"""Simulations of intervals and p-values: what a case is, how it is run, and when it is wrong.

A module of this folder that defines `CASES`, a sequence of `Case`, joins the table and the tests; nothing else is to be
registered. A case names a statistic and a world, and has a function that simulates one data set, applies the product's
own class to it, and says what became of it:

    def one_accuracy(rng: np.random.Generator, *, n: int, accuracy: float) -> Outcome:
        correct = rng.random(n) < accuracy
        return covers(Accuracy().estimate(records(correct)), truth=accuracy)

    CASES = [Case("accuracy", "n 30, accuracy .9", partial(one_accuracy, n=30, accuracy=0.9))]

Trials are sent to other processes: they are functions of a module or `functools.partial` of one. `covers` serves
intervals, `rejects` p-values. `Case.measure` says what the share of hits is:

- "coverage" of an interval: at least 93 % at nominal 95 %, at most 97 % unless `conservative`. For a proportion let the
  trial draw its p, so that the coverage is averaged over p. An interval that is withheld (no ends) counts neither way;
- "false alarm", with no difference: at most 7 % at nominal 5 %;
- "power", with a difference: at least `least`, given by the case.

Shares are measured, so a case fails only where the exact binomial interval of its repetitions (99.9 %, since there are
many cases) lies outside these limits. `quick` repetitions are run by the tests, `repetitions` for the table.
"""

from __future__ import annotations

import importlib
import math
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from harness.api import Estimate

FIXED_SEED = 20260101
ROUNDING = 1e-9
CONFIDENCE_OF_LIMITS = 0.999
LIMITS = {"coverage": (0.93, 0.97), "false alarm": (0.0, 0.07), "power": (0.8, 1.0)}


@dataclass(frozen=True)
class Outcome:
    """What became of one simulated data set.

    Attributes:
        hit: whether the interval holds the truth, or the test rejects; None where the interval or p is withheld.
        width: the length of the interval; None for a test.
        above: whether the truth lies above the interval.
    """

    hit: bool | None
    width: float | None = None
    above: bool = False


@dataclass(frozen=True)
class Case:
    """An interval or a test in a world.

    Attributes:
        statistic: the metric, e.g. "ece".
        world: what the data are like, e.g. "one bin, confidence .98, accuracy .95, n 360".
        trial: simulates one data set from the generator.
        measure: what the share of hits is.
        conservative: whether the method says that it covers more often than it promises.
        least: the least share; by default that of the measure.
        repetitions, quick: data sets for the table and for the tests.
    """

    statistic: str
    world: str
    trial: Callable[[np.random.Generator], Outcome]
    measure: Literal["coverage", "false alarm", "power"] = "coverage"
    conservative: bool = False
    least: float | None = None
    repetitions: int = 300
    quick: int = 40

    @property
    def name(self) -> str:
        return f"{self.statistic}: {self.world}, {self.measure}"

    @property
    def limits(self) -> tuple[float, float]:
        """The shares between which the share of hits must lie."""
        least, most = LIMITS[self.measure]
        return (least if self.least is None else self.least), (1.0 if self.conservative else most)


@dataclass(frozen=True)
class Result:
    """What the repetitions of a case gave.

    Attributes:
        case: which.
        hits, counted: data sets that hit, and those that gave an interval or a p.
        withheld: those that gave none.
        above: misses whose truth lies above the interval.
        width: the median length of the intervals; None for a test.
    """

    case: Case
    hits: int
    counted: int
    withheld: int
    above: int
    width: float | None

    @property
    def share(self) -> float:
        return self.hits / self.counted if self.counted else math.nan

    def interval(self, level: float) -> tuple[float, float]:
        """The exact binomial interval of the share (Clopper & Pearson 1934)."""
        from scipy.stats import beta

        tail = (1 - level) / 2
        low = beta.ppf(tail, self.hits, self.counted - self.hits + 1) if self.hits else 0.0
        high = beta.ppf(1 - tail, self.hits + 1, self.counted - self.hits) if self.hits < self.counted else 1.0
        return float(low), float(high)

    @property
    def verdict(self) -> str:
        """ "ok", "withheld" where there never was an interval, else "too low" or "too high" beyond chance."""
        if not self.counted:
            return "withheld"
        (low, high), (least, most) = self.interval(CONFIDENCE_OF_LIMITS), self.case.limits
        return "too low" if high < least else "too high" if low > most else "ok"


def covers(estimate: Estimate, truth: float) -> Outcome:
    """Whether an interval holds the truth; withheld where it has no ends."""
    if estimate.low is None or estimate.high is None:
        return Outcome(None)
    inside = estimate.low - ROUNDING <= truth <= estimate.high + ROUNDING
    return Outcome(inside, estimate.high - estimate.low, above=truth > estimate.high + ROUNDING)


def rejects(p: float | None, level: float = 0.05) -> Outcome:
    """Whether a test finds a difference; withheld where it gives no p."""
    return Outcome(None if p is None else p <= level)


def simulate(case: Case, repetitions: int, seed: int = FIXED_SEED) -> Result:
    """Run a case. Its random numbers depend on the seed and its name, so that cases may come and go."""
    rng = np.random.default_rng([seed, zlib.crc32(case.name.encode())])
    outcomes = [case.trial(rng) for _ in range(repetitions)]
    counted = [outcome for outcome in outcomes if outcome.hit is not None]
    widths = [outcome.width for outcome in counted if outcome.width is not None]
    return Result(
        case,
        hits=sum(bool(outcome.hit) for outcome in counted),
        counted=len(counted),
        withheld=len(outcomes) - len(counted),
        above=sum(outcome.above for outcome in counted),
        width=float(np.median(widths)) if widths else None,
    )


def all_cases() -> list[Case]:
    """The cases of every module of this folder that has any, in the order of their files."""
    folder = Path(__file__).parent
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}
    names = [name for name, text in texts.items() if re.search(r"^CASES\b", text, re.M)]
    return [case for name in names for case in importlib.import_module(f"simulation.{name}").CASES]


def chosen(cases: Sequence[Case], part: str) -> list[Case]:
    """The cases whose name contains a text."""
    return [case for case in cases if part in case.name]
