"""Coverage of the area under the risk-coverage curve: few errors or many, ranked well, badly or at random."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.api import Records
from harness_uncertainty.metrics.selective import AURC, Ranked
from simulation.framework import Case, Outcome, covers

Answers = tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]
World = Callable[[np.random.Generator, int], Answers]


def calibrated(rng: np.random.Generator, n: int, *, a: float, b: float) -> Answers:
    """Answers that are as often right as they say, with confidences from Beta(a, b)."""
    confidence = rng.beta(a, b, n)
    return confidence, rng.random(n) < confidence


def at_random(rng: np.random.Generator, n: int, *, accuracy: float) -> Answers:
    """Answers whose confidence says nothing."""
    return rng.random(n), rng.random(n) < accuracy


def tied(rng: np.random.Generator, n: int) -> Answers:
    """Answers with one of three confidences, calibrated."""
    confidence = rng.choice([0.99, 0.9, 0.6], p=[0.7, 0.2, 0.1], size=n)
    return confidence, rng.random(n) < confidence


@cache
def _truth(world: World, excess: bool) -> float:
    ranked = Ranked.of(*world(np.random.default_rng(5), 2_000_000))
    return ranked.area() - (ranked.least_area() if excess else 0.0)


def _area(rng: np.random.Generator, *, world: World, n: int, excess: bool) -> Outcome:
    confidence, correct = world(rng, n)
    records = Records.of({"id": [str(i) for i in range(n)], "confidence": confidence, "correct": correct})
    return covers(AURC(excess).estimate(records), _truth(world, excess))


_FEW = 100
# Confident errors make most of the area and have often not occurred yet; `AURC` says so.
_UNSEEN = "accuracy .93, three confidences"
_SHORT = {(_UNSEEN, _FEW), ("accuracy .97, calibrated", 500), ("accuracy .97, sharp", 500)}
_WORLDS: list[tuple[str, World, tuple[int, ...]]] = [
    ("accuracy .5, calibrated", partial(calibrated, a=1.0, b=1.0), (30, 100, 500)),
    ("accuracy .9, calibrated", partial(calibrated, a=9.0, b=1.0), (30, 100, 500)),
    ("accuracy .97, calibrated", partial(calibrated, a=30.0, b=1.0), (100, 500, 2000)),
    ("accuracy .97, sharp", partial(calibrated, a=5.0, b=0.15), (100, 500, 2000)),
    ("accuracy .97, at random", partial(at_random, accuracy=0.97), (100, 500)),
    ("accuracy .9, at random", partial(at_random, accuracy=0.9), (30, 100, 500)),
    (_UNSEEN, tied, (100, 500)),
]
_KINDS: list[tuple[Literal["aurc", "excess_aurc"], bool]] = [("aurc", False), ("excess_aurc", True)]
CASES = [
    Case(
        kind,
        f"{name}, n {n}",
        partial(_area, world=world, n=n, excess=excess),
        conservative=n <= _FEW,
        least=0.88 if (name, n) in _SHORT else None,
    )
    for kind, excess in _KINDS
    for name, world, sizes in _WORLDS
    for n in sizes
]
