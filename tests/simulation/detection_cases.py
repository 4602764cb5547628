"""Coverage of the metrics of detection: normal scores of few or many on both sides."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
from scipy import stats
from sklearn.metrics import average_precision_score

from harness.api import Metric, Records
from harness_uncertainty.metrics.detection import FPR95, OODAupr, OODAuroc
from simulation.framework import Case, Outcome, covers

_SCORE = "score.max_softmax"


def _records(rng: np.random.Generator, outside: int, inside: int, shift: float) -> Records:
    score = np.concatenate([rng.normal(shift, 1, outside), rng.normal(0, 1, inside)])
    source = ["out"] * outside + ["in"] * inside
    return Records.of({"id": [str(i) for i in range(len(score))], "source": source, _SCORE: score})


@cache
def _truth(metric: type[Metric], shift: float, share: float) -> float:
    """The value of endless examples with this share from outside, in closed form where there is one."""
    if metric is OODAuroc:
        return float(stats.norm.cdf(shift / 2**0.5))
    if metric is FPR95:
        return float(stats.norm.sf(shift - stats.norm.ppf(0.95)))
    rng = np.random.default_rng(4)
    n = 1_000_000
    is_outside = np.arange(n) < n * share
    return float(average_precision_score(is_outside, rng.normal(np.where(is_outside, shift, 0.0), 1)))


def _detected(rng: np.random.Generator, *, metric: type[Metric], outside: int, inside: int, shift: float) -> Outcome:
    truth = _truth(metric, shift, outside / (outside + inside))
    return covers(metric().estimate(_records(rng, outside, inside, shift)), truth)


_METRICS: list[tuple[str, type[Metric]]] = [("ood_auroc", OODAuroc), ("ood_aupr", OODAupr), ("fpr95", FPR95)]

CASES = [
    Case(
        name,
        f"{outside} out, {inside} in, shift {shift:g}",
        partial(_detected, metric=metric, outside=outside, inside=inside, shift=shift),
        conservative=metric is FPR95 or outside == 10,
        repetitions=150,
        quick=30,
    )
    for name, metric in _METRICS
    for outside, inside in ((10, 10), (30, 30), (100, 300))
    for shift in (0.36, 1.5)
]
