"""Frechet distances against closed forms, scipy's square root of a matrix and published code, and their coverage."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import scipy.linalg

from harness.api import InvalidOutput, Records
from harness_generative.metrics.fid import FidDebiased, FidFloor, FidOverFloor, FidProxy
from harness_generative.metrics.frechet import Gaussian, distance, fit, influenced_distance

Array = npt.NDArray[np.float64]


def fid(one: npt.NDArray[np.floating], two: npt.NDArray[np.floating]) -> float:
    return distance(fit(one, name="one"), fit(two, name="two"))


def with_moments(n: int, mean: Array, root: Array, seed: int) -> Array:
    """A set whose mean is exactly this and whose covariance is exactly root' root."""
    rows = np.random.default_rng(seed).normal(size=(n, len(mean)))
    rows -= rows.mean(axis=0)
    white, _ = np.linalg.qr(rows)
    return mean + np.sqrt(n - 1) * white @ root


def by_sqrtm(one: npt.NDArray[np.floating], two: npt.NDArray[np.floating]) -> float:
    shift = one.mean(axis=0) - two.mean(axis=0)
    first, second = np.cov(one, rowvar=False), np.cov(two, rowvar=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root = scipy.linalg.sqrtm(first @ second)
    return float(shift @ shift + np.trace(first + second) - 2 * np.trace(root).real)


def test_commuting_covariances_have_a_closed_form() -> None:
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(30, 30)))[0]
    first, second = rng.uniform(0.1, 3, 30), rng.uniform(0.1, 3, 30)
    means = rng.normal(size=(2, 30))
    one = with_moments(200, means[0], first[:, None] * axes, 1)
    two = with_moments(90, means[1], second[:, None] * axes, 2)
    expected = float(((means[0] - means[1]) ** 2).sum() + ((first - second) ** 2).sum())
    assert fid(one, two) == pytest.approx(expected, rel=1e-10)
    assert fid(two, one) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("n", "m"), [(400, 300), (20, 300), (300, 20), (25, 20), (40, 41), (2, 2)])
def test_against_the_square_root_of_the_product(n: int, m: int) -> None:
    """Where covariances are singular scipy's root has lost half of the digits."""
    rng = np.random.default_rng(n + m)
    mix = rng.normal(size=(40, 40))
    one, two = rng.normal(size=(n, 40)) @ mix, 1.2 * rng.normal(size=(m, 40)) @ mix + 0.3
    assert fid(one, two) == pytest.approx(by_sqrtm(one, two), rel=1e-10 if min(n, m) > 41 else 1e-5)


def test_few_rows_in_many_features_by_hand() -> None:
    """Two rows each. On orthogonal lines nothing is shared and variances add up; on one line their roots subtract."""
    one, across, along = np.zeros((3, 2, 100))
    one[:, 0], across[:, 1], along[:, 0] = (-1, 1), (-2, 2), (-3, 3)
    assert fid(one, across) == pytest.approx(2 + 8, rel=1e-14)
    assert fid(one, along) == pytest.approx((np.sqrt(18) - np.sqrt(2)) ** 2, rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [500, 30])
def test_a_set_has_distance_0_from_itself(n: int, dtype: type) -> None:
    rng = np.random.default_rng(3)
    one = (100 + rng.normal(size=(n, 64)) @ rng.normal(size=(64, 64))).astype(dtype)
    assert fid(one, one) == 0.0
    assert influenced_distance(fit(one, name="one"), fit(one, name="one"), one, one).distance == 0.0
    total = np.var(one.astype(np.float64), axis=0).sum()
    assert 0.0 <= fid(one, one[rng.permutation(n)]) <= 1e-12 * total


def test_constant_and_repeated_features() -> None:
    """They leave the covariance singular, which costs no digits: the others alone have the same distance."""
    rng = np.random.default_rng(4)
    mix = rng.normal(size=(6, 6))
    one, two = rng.normal(size=(300, 6)) @ mix, rng.normal(size=(200, 6)) @ mix + 0.5
    constant = [np.c_[rows, np.full(len(rows), 0.1), np.zeros(len(rows))] for rows in (one, two)]
    assert fid(*constant) == pytest.approx(fid(one, two), rel=1e-12)
    doubled = [np.c_[rows, rows] for rows in (one, two)]
    assert fid(*doubled) == pytest.approx(2 * fid(one, two), rel=1e-12)
    moved = constant[1] + np.r_[np.zeros(6), 3.0, 0.0]
    assert fid(constant[0], moved) == pytest.approx(fid(one, two) + 9, rel=1e-12)


def test_sums_are_in_float64_whatever_the_input_and_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features around 1000 that vary by 1: a float32 mean would be off in the fifth digit."""
    rng = np.random.default_rng(5)
    one = (1000 + rng.normal(size=(3000, 8))).astype(np.float32)
    exact = one.astype(np.float64)
    for block in (2**22, 64):
        monkeypatch.setattr("harness_generative.metrics.frechet._BLOCK", block)
        found = fit(one, name="one")
        assert np.allclose(found.mean, exact.mean(axis=0), rtol=1e-15, atol=0)
        assert np.allclose(found.factor.T @ found.factor, np.cov(exact, rowvar=False), rtol=1e-12, atol=1e-13)


def test_known_moments() -> None:
    """One Gaussian with a singular covariance: (2 - 1)^2 + 3^2 + 1^2 for the feature that the other lacks."""
    wide = Gaussian(10, np.array([3.0, 0.0]), np.diag([2.0, 1.0]))
    flat = Gaussian(10, np.zeros(2), np.diag([1.0, 0.0]))
    assert distance(wide, flat) == pytest.approx(11.0, rel=1e-14)


def test_faults_are_named() -> None:
    good = np.eye(4, 3, dtype=np.float32)
    for bad, text in (
        (np.where(good == 1, np.nan, good), "generated features hold NaN, first in row 0, feature 0"),
        (np.where(np.arange(4)[:, None] == 2, -np.inf, good), "generated features hold infinity, first in row 2"),
        (good[:1], "1 generated features: a covariance needs at least 2 rows"),
        (good[0], r"shape \[3\]"),
    ):
        with pytest.raises(InvalidOutput, match=text):
            fit(bad, name="generated")
    with pytest.raises(InvalidOutput, match="3 and of 2 features"):
        fid(good, good[:, :2])


@pytest.mark.parametrize(("n", "m"), [(60, 80), (7, 80), (60, 7), (7, 9)])
def test_influence_is_the_derivative_by_the_weight_of_a_row(n: int, m: int) -> None:
    rng = np.random.default_rng(n * m)
    one, two = rng.gamma(2.0, size=(n, 12)), rng.normal(size=(m, 12))

    def weighted(rows: Array, row: int, change: float) -> Gaussian:
        weights = np.ones(len(rows))
        weights[row] += change
        weights /= weights.sum()
        mean = weights @ rows
        return Gaussian(len(rows), mean, (rows - mean) * np.sqrt(weights * len(rows) / (len(rows) - 1))[:, None])

    first, second = fit(one, name="one"), fit(two, name="two")
    found = influenced_distance(first, second, one, two)
    assert found.distance == pytest.approx(fid(one, two), rel=1e-12)
    step = 1e-4
    for row in range(3):
        slope = (distance(weighted(one, row, step), second) - distance(weighted(one, row, -step), second)) / (2 * step)
        assert found.first[row] == pytest.approx(slope, rel=1e-5, abs=1e-7)
        slope = (distance(first, weighted(two, row, step)) - distance(first, weighted(two, row, -step))) / (2 * step)
        assert found.second[row] == pytest.approx(slope, rel=1e-5, abs=1e-7)
    assert found.first.sum() == pytest.approx(0, abs=1e-10)


def test_against_torch_fidelity() -> None:
    try:
        from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"torch-fidelity cannot be imported: {error}")
    import torch

    rng = np.random.default_rng(6)
    sets = [rng.normal(size=(900, 64)), 1.1 * rng.normal(size=(800, 64)) + 0.2]
    statistics = [fid_features_to_statistics(torch.from_numpy(rows)) for rows in sets]
    theirs = fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]
    assert fid(*sets) == pytest.approx(theirs, rel=1e-10)


def test_against_clean_fid() -> None:
    try:
        from cleanfid.fid import frechet_distance
    except (ImportError, RuntimeError, AttributeError) as error:
        pytest.skip(f"clean-fid cannot be imported: {error}")
    rng = np.random.default_rng(7)
    one, two = rng.normal(size=(900, 64)), 1.1 * rng.normal(size=(800, 64)) + 0.2
    moments = [part for rows in (one, two) for part in (rows.mean(axis=0), np.cov(rows, rowvar=False))]
    assert fid(one, two) == pytest.approx(frechet_distance(*moments), rel=1e-10)


Draw = Callable[[np.random.Generator, int], Array]


def gaussians(d: int, far: float) -> tuple[Draw, Draw, float]:
    """Two Gaussians and their exact distance."""
    deviations = np.arange(1, d + 1) ** -0.5
    truth = float(((0.2 * far) ** 2 + (0.3 * far) ** 2) * (deviations**2).sum())

    def near(rng: np.random.Generator, n: int) -> Array:
        return rng.normal(size=(n, d)) * deviations

    def moved(rng: np.random.Generator, n: int) -> Array:
        return (rng.normal(size=(n, d)) * (1 + 0.2 * far) + 0.3 * far) * deviations

    return near, moved, truth


def skewed(d: int) -> tuple[Draw, Draw, float]:
    """Rectified clusters with tails, and their equal."""
    centres = 2 * np.random.default_rng(5).normal(size=(10, d))

    def draw(rng: np.random.Generator, n: int) -> Array:
        tails = 0.2 + rng.exponential(size=(n, 1))
        return np.maximum(centres[rng.integers(0, 10, n)] + rng.normal(size=(n, d)) * tails, 0)

    return draw, draw, 0.0


def records(folder: Path, **sides: Array) -> Records:
    (folder / "artifacts").mkdir(exist_ok=True)
    for side, rows in sides.items():
        np.save(folder / "artifacts" / f"{side}_x.npy", rows.astype(np.float32))
    ids = [f"sample-{i:05}" for i in range(len(sides["generated"]))]
    return Records(pa.table({"id": ids}), {"features": {"x": "digest"}}, folder)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["far", "near", "equal", "skewed", "skewed, 64 features"])
def test_coverage(case: str, tmp_path: Path) -> None:
    """Nominal 95 %, 150 repeats: a measured share of at least .91 is what an honest interval has in 99 of 100 runs."""
    real, model, truth = {
        "far": lambda: gaussians(8, 1.0),
        "near": lambda: gaussians(16, 0.15),
        "equal": lambda: gaussians(16, 0.0),
        "skewed": lambda: skewed(8),
        "skewed, 64 features": lambda: skewed(64),
    }[case]()
    n, m, n_train = (500, 719, 1078) if "64" not in case else (260, 300, 400)
    metrics = [FidProxy(), FidFloor(), FidOverFloor(), FidDebiased()]
    found = []
    for repeat in range(150):
        rng = np.random.default_rng([repeat, n])
        drawn = records(tmp_path, generated=model(rng, n), reference=real(rng, m), train=real(rng, n_train))
        found.append([metric.estimate(drawn) for metric in (metrics if "64" not in case else metrics[::3])])
    proxy = float(np.mean([estimates[0].value for estimates in found]))
    targets = {0: proxy, len(found[0]) - 1: truth}
    if len(found[0]) == 4:
        targets[1] = float(np.mean([estimates[1].value for estimates in found]))
        targets[2] = proxy / targets[1]
    for which, target in targets.items():
        covered = np.mean([estimates[which].low <= target <= estimates[which].high for estimates in found])
        assert covered >= 0.91, (type(metrics[which]).__name__, covered)
