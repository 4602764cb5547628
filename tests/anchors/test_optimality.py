"""Optimality of attacks against the published formula, integrated over the curve of robust accuracy itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from harness.api import LEVEL
from harness_adversarial.comparisons.optimality import Areas, optimality

Floats = npt.NDArray[np.float64]


def area(distances: Floats, limit: float) -> float:
    """The integral from 0 to the limit of the share of examples that nothing within a budget fools: a step function."""
    steps = np.unique(np.concatenate([[0.0, limit], distances[distances < limit]]))
    heights = 1 - np.searchsorted(np.sort(distances), steps[:-1], side="right") / len(distances)
    return float((np.diff(steps) * heights).sum())


def published(distances: Floats, best: Floats, limit: float) -> float:
    """Cinà et al. 2024, arXiv:2404.19460, equation 5."""
    clean = (best > 0).mean()
    return 1 - (area(distances, limit) - area(best, limit)) / (clean * limit - area(best, limit))


def drawn(n: int, seed: int) -> tuple[Floats, Floats]:
    """Distances of one attack and of the best: a tenth wrong without attack, some not fooled."""
    rng = np.random.default_rng(seed)
    best = np.where(rng.random(n) < 0.1, 0.0, rng.gamma(2.0, 0.1, n))
    worse = best * (1 + rng.exponential(0.3, n) * (rng.random(n) < 0.5))
    return np.where((rng.random(n) < 0.1) & (best > 0), np.inf, worse), best


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("limit", [0.05, 0.3, None])
def test_the_published_formula(seed: int, limit: float | None) -> None:
    distances, best = drawn(57, seed)
    most = limit or best.max()
    found = optimality([Areas.of(distances, best, most)])
    assert found.value == pytest.approx(published(distances, best, most), abs=1e-12)
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_mean_over_models_is_that_of_their_values() -> None:
    pairs = [drawn(40, seed) for seed in (1, 2)]
    found = optimality([Areas.of(*pair, 0.4) for pair in pairs])
    assert found.value == pytest.approx(np.mean([published(*pair, 0.4) for pair in pairs]), abs=1e-12)


def test_the_ends_of_the_scale() -> None:
    _, best = drawn(40, 3)
    assert optimality([Areas.of(best, best, 0.4)]).value == 1
    nothing = np.where(best > 0, np.inf, 0.0)
    assert optimality([Areas.of(nothing, best, 0.4)]).value == 0
    assert optimality([Areas.of(nothing, nothing, 0.4)]).value is None


@pytest.mark.extended
@pytest.mark.parametrize("n", [30, 200])
def test_the_interval_covers(n: int) -> None:
    truth = published(*drawn(200_000, 10_000), 0.5)
    found = [optimality([Areas.of(*drawn(n, seed), 0.5)]) for seed in range(400)]
    covered = np.mean([each.low is not None and each.low <= truth <= (each.high or 0) for each in found])
    assert LEVEL == 0.95
    assert 0.92 <= covered <= 0.985
