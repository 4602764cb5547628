"""Stored features and moments: what is read, what is compared, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from harness.api import HarnessError, InvalidOutput, MissingData, Row, Status
from harness.testing import run_suite
from harness_generative.features.feature_files import FromFeatures, features
from harness_generative.metrics.frechet import distance, fit, from_moments

Floats = npt.NDArray[np.float32]

SUITE = """suite: stored
task: {use: generate, with: {features: EXTRACTORS}}
data: {use: features, with: {path: REAL}}
models: [{use: MODEL, with: {path: FAKE}}]
samplers: [one_shot]
metrics: [fid_proxy, kid, precision]
"""
N, D = 40, 6


def table(seed: int, n: int = N, d: int = D) -> Floats:
    return np.random.default_rng(seed).normal(seed, 1, (n, d)).astype(np.float32)


def moments_file(rows: Floats, path: Path) -> Path:
    exact = rows.astype(np.float64)
    np.savez(path, mu=exact.mean(axis=0), sigma=np.cov(exact, rowvar=False))
    return path


def measured(tmp_path: Path, real: Path, fake: Path, model: str = "from_features", extractors: str = "[]") -> Row:
    suite = SUITE.replace("EXTRACTORS", extractors).replace(", with: {features: []}", "").replace("MODEL", model)
    (row,) = run_suite(suite.replace("REAL", str(real)).replace("FAKE", str(fake)), tmp_path / "results").rows
    return row


def saved(path: Path, array: Any) -> Path:
    np.save(path, array)
    return path


def test_features_on_both_sides_need_no_extractor(tmp_path: Path) -> None:
    row = measured(tmp_path, saved(tmp_path / "real.npy", table(0)), saved(tmp_path / "fake.npy", table(1, 30)))
    assert row.status is Status.OK
    assert row.n == 30
    assert row.estimates["fid_proxy"].value == pytest.approx(
        distance(fit(table(1, 30), name="a"), fit(table(0), name="b")), rel=1e-9
    )
    assert all(row.estimates[name].value is not None for name in ("kid", "precision"))
    assert row.protocol["reference"] == row.protocol["samples"] == "features"


def test_moments_are_a_reference_for_the_frechet_distance_alone(tmp_path: Path) -> None:
    real = moments_file(table(0), tmp_path / "statistics.npz")
    fake = saved(tmp_path / "fake.npy", table(1))
    row = measured(tmp_path, real, fake)
    assert row.status is Status.OK
    fid = row.estimates["fid_proxy"]
    assert fid.value == pytest.approx(distance(fit(table(1), name="a"), fit(table(0), name="b")), rel=1e-9)
    assert fid.method == "jackknife, given the moments of the reference"
    assert fid.low is not None
    assert fid.high is not None
    assert fid.low < (fid.value or 0) < fid.high
    for name in ("kid", "precision"):
        assert not row.estimates[name].applies
        assert "given by the mean and covariance of its features" in row.estimates[name].reason


def test_images_against_moments_of_the_same_extractor(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (N, 8, 8), dtype=np.uint8)
    first = saved(tmp_path / "images.npy", images)
    wrong = measured(tmp_path / "1", moments_file(table(0), tmp_path / "s.npz"), first, "from_samples", "[random_conv]")
    assert wrong.status is Status.INVALID
    assert f"the reference was stored with {D} features, the samples have " in wrong.reason
    d = int(wrong.reason.partition("the samples have ")[2].partition(";")[0])
    row = measured(
        tmp_path / "2", moments_file(table(0, d=d), tmp_path / "t.npz"), first, "from_samples", "[random_conv]"
    )
    assert row.status is Status.OK
    none = measured(tmp_path / "3", tmp_path / "t.npz", first, "from_samples")
    assert "the task names no extractor; name one under `features`" in none.reason
    two = measured(tmp_path / "4", tmp_path / "t.npz", first, "from_samples", "[random_conv, pixel_pca]")
    assert "stored features are those of one extractor, and the task names random_conv, pixel_pca" in two.reason


def test_the_influence_of_samples_on_the_distance_from_moments() -> None:
    """As of all rows, of which those of the reference are left out."""
    from harness_generative.metrics.frechet import influenced_distance

    one, two = table(0), table(1)
    whole = influenced_distance(fit(one, name="a"), fit(two, name="b"), one, two)
    exact = two.astype(np.float64)
    stored = from_moments(exact.mean(axis=0), np.cov(exact, rowvar=False), name="b")
    part = influenced_distance(fit(one, name="a"), stored, one, None)
    assert part.distance == pytest.approx(whole.distance)
    assert part.first == pytest.approx(whole.first)
    assert len(part.second) == 0


def test_a_singular_covariance_has_a_factor_and_a_negative_one_is_refused() -> None:
    rows = table(0)[:4].astype(np.float64)
    mean, covariance = rows.mean(axis=0), np.cov(rows, rowvar=False)
    factor = from_moments(mean, covariance, name="x").factor
    assert factor.T @ factor == pytest.approx(covariance, abs=1e-12)
    with pytest.raises(InvalidOutput, match="the x covariance is none: its smallest eigenvalue is -"):
        from_moments(mean, covariance - 0.1 * np.eye(D), name="x")


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"mean": np.zeros(3)}, "no array 'mu' and 'sigma', nor of features .*; it has mean"),
        ({"mu": np.zeros(3), "sigma": np.zeros((2, 2))}, r"mu of shape \[3\] and sigma of shape \[2, 2\]"),
        ({"mu": np.zeros(2), "sigma": np.array([[1.0, 0], [1, 1]])}, "no covariance, since it is not symmetric"),
        ({"mu": np.zeros(2), "sigma": np.full((2, 2), np.nan)}, "must be finite"),
        ({"features": np.full((2, 2), np.nan)}, "NaN or infinity, first in row 0"),
        ({"features": np.zeros((2, 2), int)}, "features are fractions"),
        ({"arr_0": np.zeros((2, 8, 8, 3))}, "images are read by `images` and `from_samples`"),
    ],
)
def test_files_that_are_no_features(tmp_path: Path, arrays: Any, problem: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InvalidOutput, match=problem):
        features(tmp_path / "a.npz")


def test_files_that_cannot_be_read_and_too_few_features(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"a.npz is not there; it should be a .npz or .npy file"):
        features(tmp_path / "a.npz")
    (tmp_path / "a.npz").write_bytes(b"PK cut")
    with pytest.raises(InvalidOutput, match="cannot be read as arrays"):
        features(tmp_path / "a.npz")
    with pytest.raises(HarnessError, match="features of 40 samples, 41 are asked for"):
        FromFeatures(saved(tmp_path / "x.npy", table(0))).given_features(range(41))
    pooled = saved(tmp_path / "pooled.npy", table(0)[:, :, None, None])
    assert FromFeatures(pooled).given_features([1]).tolist() == table(0)[[1]].tolist()
