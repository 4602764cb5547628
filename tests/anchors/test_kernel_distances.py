"""Kernel distances against direct double sums and exact values of discrete populations, and their coverage."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import sklearn.metrics.pairwise

from harness.api import InvalidOutput, Records
from harness_generative.metrics.kernel import CMMD
from harness_generative.metrics.kernel_distance import Kernel, cubic, discrepancy, gaussian, median_distance

Array = npt.NDArray[np.float64]


def sets(n: int = 9, m: int = 7, d: int = 4) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), rng.gamma(2.0, size=(m, d))


def by_double_sum(one: Array, two: Array, kernel: object) -> float:
    def average(pairs: list[tuple[Array, Array]]) -> float:
        return float(np.mean([kernel(x, y) for x, y in pairs]))  # type: ignore[operator]

    within, others = list(itertools.permutations(one, 2)), list(itertools.permutations(two, 2))
    return average(within) + average(others) - 2 * average(list(itertools.product(one, two)))


def test_against_a_direct_double_sum() -> None:
    one, two = sets()
    expected = by_double_sum(one, two, lambda x, y: (float(x @ y) / 4 + 1) ** 3)
    assert discrepancy(one, two, cubic).value == pytest.approx(expected, rel=1e-12)
    expected = by_double_sum(one, two, lambda x, y: np.exp(-float(((x - y) ** 2).sum()) / (2 * 1.5**2)))
    assert discrepancy(one, two, gaussian(1.5)).value == pytest.approx(expected, rel=1e-12)


def test_kernels_against_scikit_learn() -> None:
    one, two = sets()
    theirs = sklearn.metrics.pairwise.polynomial_kernel(one, two, degree=3, gamma=1 / 4, coef0=1)
    assert np.allclose(cubic(one, two), theirs, rtol=1e-13)
    theirs = sklearn.metrics.pairwise.rbf_kernel(one, two, gamma=1 / (2 * 3.0**2))
    assert np.allclose(gaussian(3.0)(one, two) + 1, theirs, rtol=1e-13)
    pairs = sklearn.metrics.pairwise.euclidean_distances(one)[np.triu_indices(len(one), 1)]
    assert median_distance(one) == pytest.approx(float(np.median(pairs)), rel=1e-12)


def test_standard_error_is_that_of_leaving_out_each_row() -> None:
    one, two = sets()
    variance = 0.0
    for rows, value in (
        (one, lambda left: discrepancy(left, two, cubic).value),
        (two, lambda left: discrepancy(one, left, cubic).value),
    ):
        left_out = np.array([value(np.delete(rows, i, axis=0)) for i in range(len(rows))])
        variance += (len(rows) - 1) * left_out.var()
    assert discrepancy(one, two, cubic).standard_error == pytest.approx(np.sqrt(variance), rel=1e-12)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = sets(50, 43)
    whole = discrepancy(one, two, cubic)
    monkeypatch.setattr("harness_generative.metrics.kernel_distance._BLOCK", 8)
    parts = discrepancy(one, two, cubic)
    assert (parts.value, parts.standard_error) == pytest.approx((whole.value, whole.standard_error), rel=1e-12)


def test_a_wide_kernel_keeps_its_digits() -> None:
    """exp(-x) - 1 is -x there: 1e8 sigma^2 MMD^2 nears that of the kernel -|x - y|^2 / 2, the distance of the means."""
    one, two = sets(40, 30)
    sigma = 1e6
    shift = one.mean(axis=0) - two.mean(axis=0)
    unbiased = shift @ shift - np.trace(np.cov(one.T)) / 40 - np.trace(np.cov(two.T)) / 30
    assert sigma**2 * discrepancy(one, two, gaussian(sigma)).value == pytest.approx(unbiased, rel=1e-9)


def test_cmmd_is_that_of_the_paper_less_its_bias(tmp_path: Path) -> None:
    """The authors' code averages over all pairs, a row with itself included, and multiplies by 1000."""
    one, two = sets(30, 20)
    (tmp_path / "artifacts").mkdir()
    np.save(tmp_path / "artifacts" / "generated_x.npy", one)
    np.save(tmp_path / "artifacts" / "reference_x.npy", two)
    records = Records(pa.table({"id": [str(i) for i in range(30)]}), {"features": {"x": "digest"}}, tmp_path)
    found = CMMD().estimate(records)
    one, two = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (one, two))
    within, others, across = (
        sklearn.metrics.pairwise.rbf_kernel(x, y, gamma=1 / 200) for x, y in ((one, one), (two, two), (one, two))
    )
    biased = 1000 * (within.mean() + others.mean() - 2 * across.mean())
    off_one, off_two = (k[~np.eye(len(k), dtype=bool)].mean() for k in (within, others))
    assert found.value is not None
    assert found.value == pytest.approx(biased - 1000 * ((1 - off_one) / 30 + (1 - off_two) / 20), rel=1e-8)


def test_faults_are_named() -> None:
    one, two = sets()
    with pytest.raises(InvalidOutput, match="reference features hold NaN or infinity"):
        discrepancy(one, np.where(two > 3, np.nan, two), cubic)
    with pytest.raises(InvalidOutput, match="at least 3 rows"):
        discrepancy(one[:2], two, cubic)
    with pytest.raises(InvalidOutput, match="4 generated features and 3"):
        discrepancy(one, two[:, :3], cubic)


@pytest.mark.slow
@pytest.mark.parametrize("far", [0.0, 0.15, 1.0])
@pytest.mark.parametrize("name", ["cubic", "sigma 10", "median"])
def test_coverage(name: str, far: float) -> None:
    """Nominal 95 %, 200 repeats, a population of 300 points in which MMD^2 is (p - q)' K (p - q) exactly."""
    rng = np.random.default_rng(1)
    points = 2 * rng.normal(size=(300, 8)) * np.arange(1, 9) ** -0.5
    kernel: Kernel = {"cubic": cubic, "sigma 10": gaussian(10.0), "median": gaussian(median_distance(points))}[name]
    even, tilted = np.full(300, 1 / 300), np.exp(far * rng.normal(size=300))
    tilted /= tilted.sum()
    truth = float((even - tilted) @ kernel(points, points) @ (even - tilted))
    found = []
    for _ in range(200):
        one, two = points[rng.choice(300, 150, p=tilted)], points[rng.choice(300, 200, p=even)]
        found.append(discrepancy(one, two, kernel))
    covered = np.mean([abs(each.value - truth) <= 1.96 * each.standard_error for each in found])
    assert covered >= 0.91, covered
    spread = np.std([each.value for each in found]) / np.sqrt(len(found))
    assert np.mean([each.value for each in found]) == pytest.approx(truth, abs=3.5 * spread)
