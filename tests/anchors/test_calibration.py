"""Metrics of confidence against closed forms, scikit-learn, and their measured coverage."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import integrate
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from harness.api import Records
from harness_uncertainty.metrics.calibration import ECE, Binning, Brier, ECENull, bins_of
from harness_uncertainty.metrics.selective import Ranked

Floats = npt.NDArray[np.float64]
BINS = 15


def records(confidence: Floats, correct: npt.NDArray[np.bool_]) -> Records:
    return Records.of({"id": [str(i) for i in range(len(correct))], "confidence": confidence, "correct": correct})


def test_brier_against_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.random(500)
    correct = rng.random(500) < confidence
    found = Brier().estimate(records(confidence, correct))
    assert found.value == pytest.approx(brier_score_loss(correct, confidence))


def test_brier_of_calibrated_uniform_confidences() -> None:
    """E (c - y)^2 = E c (1 - c) = 1/6."""
    rng = np.random.default_rng(1)
    confidence = rng.random(20_000)
    found = Brier().estimate(records(confidence, rng.random(20_000) < confidence))
    assert found.value == pytest.approx(1 / 6, abs=0.005)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_calibration_error_against_the_curve_of_scikit_learn(strategy: str) -> None:
    rng = np.random.default_rng(2)
    confidence = rng.random(600)
    correct = rng.random(600) < confidence**2
    right, sure = calibration_curve(correct, confidence, n_bins=10, strategy=strategy)
    binning: Binning = "equal_width" if strategy == "uniform" else "equal_mass"
    counts = np.bincount(bins_of(confidence, 10, binning), minlength=10)
    found = ECE(bins=10, binning=binning).estimate(records(confidence, correct))
    assert found.value == pytest.approx(
        np.abs(right - sure) @ counts / 600, abs=0.002 if strategy == "quantile" else 1e-9
    )


def test_area_under_risk_coverage_against_its_integral() -> None:
    """Calibrated uniform confidences: the risk at coverage x is x/2, so the area is 1/4."""
    rng = np.random.default_rng(3)
    confidence = rng.random(100_000)
    area = Ranked.of(confidence, rng.random(100_000) < confidence).area()
    expected, _ = integrate.quad(lambda coverage: coverage / 2, 0, 1)
    assert area == pytest.approx(expected, abs=0.005)


@pytest.mark.extended
@pytest.mark.parametrize("binning", ["equal_width", "equal_mass"])
def test_a_calibrated_model_lies_in_the_interval_of_its_null(binning: Binning) -> None:
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(400):
        confidence = rng.beta(5, 2, 200)
        correct = rng.random(200) < confidence
        null = ECENull(binning=binning).estimate(records(confidence, correct))
        gaps = np.bincount(bins_of(confidence, BINS, binning), correct - confidence, BINS)
        inside += null.low <= np.abs(gaps).sum() / 200 <= null.high  # type: ignore[operator]
    assert 0.93 <= inside / 400 <= 0.97
