"""Coverage of false match rates over all pairs of identities, some of whom are mistaken for others more easily."""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from harness.api import Records
from harness_fairness.metrics.verification import FalseMatchRate, FalseMatchRatio
from simulation.framework import Case, Outcome, covers

_SPREAD = 1.0


@cache
def _truth(offset: float) -> float:
    """The rate over endless pairs of identities with normal effects on the log odds."""
    effects = np.random.default_rng(3).normal(0, _SPREAD, (2, 1_000_000)).sum(axis=0)
    return float((1 / (1 + np.exp(-offset - effects))).mean())


def _pairs(rng: np.random.Generator, identities: int, offset: float, prefix: str = "") -> dict[str, list[object]]:
    effect = rng.normal(0, _SPREAD, identities)
    one, other = np.triu_indices(identities, 1)
    matched = rng.random(len(one)) < 1 / (1 + np.exp(-offset - effect[one] - effect[other]))
    return {
        "id": [f"{prefix}{i}" for i in range(len(one))],
        "genuine": [0] * len(one),
        "score": matched.astype(float).tolist(),
        "first": [f"{prefix}{i}" for i in one],
        "second": [f"{prefix}{i}" for i in other],
        "group.region": [prefix] * len(one),
    }


def _rate(rng: np.random.Generator, *, identities: int, offset: float) -> Outcome:
    metric = FalseMatchRate(0.5, clusters=["first", "second"])
    return covers(metric.estimate(Records.of(_pairs(rng, identities, offset))), _truth(offset))


def _ratio(rng: np.random.Generator, *, identities: int, offset: float, higher: float) -> Outcome:
    east, west = _pairs(rng, identities, higher, "east"), _pairs(rng, identities, offset, "west")
    records = Records.of({name: [*east[name], *west[name]] for name in east})
    metric = FalseMatchRatio("region", "east", "west", 0.5, clusters=["first", "second"])
    return covers(metric.estimate(records), _truth(higher) / _truth(offset))


CASES = [
    *(
        Case("fmr", f"all pairs of {k} identities, log odds {offset:g}", partial(_rate, identities=k, offset=offset))
        for k in (20, 50)
        for offset in (-1.0, -3.0)
    ),
    Case(
        "fmr_ratio", "50 identities each, log odds -2 and -3", partial(_ratio, identities=50, offset=-3.0, higher=-2.0)
    ),
]
