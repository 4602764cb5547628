"""The Frechet distance against the square root or the eigenvalues of the product of covariances, as others take it.

Run with `make benchmarks`. Nothing here fails on a slow machine: the ratio is printed and stored, never asserted.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.linalg

from harness_generative.metrics.frechet import Gaussian, distance, fit

D = 2048
Array = npt.NDArray[np.float64]


@pytest.fixture
def timed(benchmark: Any) -> Any:
    """The benchmark fixture, where timings are wanted: a peer takes half a minute and tests nothing else."""
    if benchmark.disabled:
        pytest.skip("a timing only; see make benchmarks")
    return benchmark


def draw(n: int, seed: int) -> npt.NDArray[np.float32]:
    """Features whose variances fall as those of networks do."""
    deviations = np.arange(1, D + 1, dtype=np.float32) ** -0.7
    return np.random.default_rng(seed).standard_normal((n, D), dtype=np.float32) * deviations


def by_sqrtm(first: Array, second: Array) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(np.trace(scipy.linalg.sqrtm(first @ second)).real)


def by_eigenvalues(first: Array, second: Array) -> float:
    return float(np.sqrt(np.linalg.eigvals(first @ second).astype(complex)).real.sum())


PEERS = {"sqrtm, as clean-fid": by_sqrtm, "eigenvalues, as torch-fidelity": by_eigenvalues}


def seconds(work: Callable[[], object]) -> float:
    clock = time.perf_counter()
    work()
    return time.perf_counter() - clock


def report(benchmark: Any, what: str, ours: float, peers: dict[str, float]) -> None:
    ratios = {name: round(theirs / ours, 1) for name, theirs in peers.items()}
    benchmark.extra_info.update({"seconds": round(ours, 3), "times faster": ratios})
    print(f"\n{what}: {ours:.3f} s, times faster than {ratios}")


def test_many_rows_from_given_moments(timed: Any) -> None:
    """50,000 rows in 2048 features; the covariances are given to both, and ours still has to factor them."""
    moments = []
    for seed in range(2):
        rows = fit(draw(6000, seed), name="drawn")
        moments.append((rows.mean, rows.factor.T @ rows.factor))

    def ours() -> float:
        gaussians: list[Gaussian] = [
            Gaussian(50_000, mean, scipy.linalg.cholesky(covariance)) for mean, covariance in moments
        ]
        return distance(*gaussians)

    ours()
    taken = statistics.median(seconds(ours) for _ in range(3))
    peers = {name: seconds(lambda peer=peer: peer(moments[0][1], moments[1][1])) for name, peer in PEERS.items()}
    report(timed, "given moments", taken, peers)
    assert timed.pedantic(ours, rounds=1) >= 0


def test_few_rows(timed: Any) -> None:
    """500 rows in 2048 features, from the features themselves."""
    sets = [draw(500, seed) for seed in range(2)]

    def ours() -> float:
        return distance(fit(sets[0], name="one"), fit(sets[1], name="two"))

    ours()
    taken = statistics.median(seconds(ours) for _ in range(5))
    peers = {
        name: seconds(lambda peer=peer: peer(*(np.cov(rows, rowvar=False) for rows in sets)))
        for name, peer in PEERS.items()
    }
    report(timed, "few rows", taken, peers)
    assert timed.pedantic(ours, rounds=3) >= 0
