"""Nights of eight rows of 2,000 examples: how often an alarm is raised, without a change and with a drop."""

from __future__ import annotations

from functools import partial

import numpy as np

from simulated_nights import dropped, ease, night, outcomes
from simulation.framework import Case, Outcome

_ROWS, _EXAMPLES = 8, 2000


def _alarm(rng: np.random.Generator, *, noise: float, points: float = 0.0) -> Outcome:
    easy = ease(np.random.default_rng(1), _EXAMPLES)
    before, now = (outcomes(rng, easy, _ROWS, noise) for _ in range(2))
    return Outcome(night(before, dropped(rng, now, 3, points) if points else now).has_alarm)


CASES = [
    Case("nightly", "8 rows of n 2000, all drawn anew", partial(_alarm, noise=1.0), "false alarm", repetitions=1000),
    Case("nightly", "8 rows of n 2000, 5 % drawn anew", partial(_alarm, noise=0.05), "false alarm", repetitions=1000),
    Case(
        "nightly",
        "a row drops by 2 points, 2 % drawn anew",
        partial(_alarm, noise=0.02, points=2.0),
        "power",
        least=0.95,
    ),
]
