"""Coverage of what a judge counts with few and many classes, of the density of collapsed samples, and of KID."""

from __future__ import annotations

import tempfile
from functools import cache, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from harness.api import Estimate, Metric, Records
from harness_generative.metrics.judge import InceptionScore, ModeCoverage, ModeEntropy
from harness_generative.metrics.kernel import KID
from harness_generative.metrics.manifold import Density
from simulation.framework import Case, Outcome, covers

Floats = npt.NDArray[np.float64]

POPULATIONS: dict[str, Floats] = {
    "10 equal classes": np.ones(10),
    "10 classes, five of them rare": np.r_[np.full(5, 1.0), np.full(5, 0.02)],
    "100 equal classes": np.ones(100),
    "100 Zipf classes": 1 / np.arange(1, 101),
    "1,000 equal classes": np.ones(1000),
    "1,000 Zipf classes": 1 / np.arange(1, 1001),
    "1,000 classes, half of them lost": np.r_[np.ones(500), np.zeros(500)],
}


def _judged(rng: np.random.Generator, shares: Floats, n: int) -> Records:
    drawn = rng.choice(len(shares), n, p=shares)
    return Records(pa.table({"judged": drawn}), {"classes": [str(i) for i in range(len(shares))]})


def _shares(population: str) -> Floats:
    weights = POPULATIONS[population]
    return np.asarray(weights / weights.sum())


def _entropy(shares: Floats) -> float:
    from scipy.special import entr

    return float(entr(shares).sum())


def _mode_coverage(rng: np.random.Generator, *, population: str, n: int) -> Outcome:
    """The truth is the share of classes that n samples hit on average."""
    shares = _shares(population)
    return covers(ModeCoverage().estimate(_judged(rng, shares, n)), float((1 - (1 - shares) ** n).mean()))


def _mode_entropy(rng: np.random.Generator, *, population: str, n: int) -> Outcome:
    shares = _shares(population)
    return covers(ModeEntropy().estimate(_judged(rng, shares, n)), _entropy(shares) / np.log(len(shares)))


def _inception_score(rng: np.random.Generator, *, population: str, n: int) -> Outcome:
    """A judge that gives nine tenths to one class and the rest to all alike."""
    shares = _shares(population)
    classes = len(shares)
    drawn = rng.choice(classes, n, p=shares)
    predictions = np.full((n, classes), 0.1 / classes)
    predictions[np.arange(n), drawn] += 0.9
    one = np.full(classes, 0.1 / classes)
    one[0] += 0.9
    truth = float(np.exp(_entropy(0.9 * shares + 0.1 / classes) - _entropy(one)))
    return covers(_measured(InceptionScore(), drawn, judge_probabilities=predictions), truth)


def _measured(metric: Metric, judged: npt.NDArray[np.int64], **arrays: Floats) -> Estimate:
    """The estimate from arrays that a task left beside its records, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="simulation-") as name:
        folder = Path(name)
        (folder / "artifacts").mkdir()
        for array, values in arrays.items():
            np.save(folder / "artifacts" / f"{array}.npy", values.astype(np.float32))
        table = pa.table({"judged": judged, "row": np.arange(len(judged))})
        return metric.estimate(Records(table, {"features": {"f": ""}}, folder))


def _of_features(metric: Metric, generated: Floats, reference: Floats) -> Estimate:
    judged = np.zeros(len(generated), dtype=np.int64)
    return _measured(metric, judged, generated_f=generated, reference_f=reference)


def _places(rng: np.random.Generator, n: int, d: int, spread: float, shift: float) -> tuple[Floats, Floats]:
    return spread * rng.normal(size=(n, d)) + shift, rng.normal(size=(n, d))


@cache
def _true_density(n: int, d: int, spread: float, shift: float) -> float:
    rng = np.random.default_rng([n, d])
    values = [_of_features(Density(), *_places(rng, n, d, spread, shift)).value or 0.0 for _ in range(150)]
    return float(np.mean(values))


def _density(rng: np.random.Generator, *, n: int, d: int, spread: float, shift: float) -> Outcome:
    return covers(_of_features(Density(), *_places(rng, n, d, spread, shift)), _true_density(n, d, spread, shift))


def _kid(rng: np.random.Generator, *, n: int, d: int, scale: float, shape: float) -> Outcome:
    """Exponential features; a finite shape makes those of one example large together, by a gamma factor."""

    def drawn() -> Floats:
        rows = rng.exponential(size=(n, d))
        return np.asarray(rows if np.isinf(shape) else rows * rng.gamma(shape, 1 / shape, (n, 1)))

    truth = _kernel(scale, scale, d, shape) + _kernel(1, 1, d, shape) - 2 * _kernel(scale, 1, d, shape)
    return covers(_of_features(KID(), scale * drawn(), drawn()), truth)


def _kernel(a: float, b: float, d: int, shape: float) -> float:
    """The mean of (x.y / d + 1)^3, from the cumulants of products of exponentials and the moments of the factors."""
    one, two, three = a * b, 4 * (a * b) ** 2, 36 * (a * b) ** 3
    c1, c2, c3 = d * one, d * (two - one**2), d * (three - 3 * two * one + 2 * one**3)
    f2, f3 = (1.0, 1.0) if np.isinf(shape) else ((shape + 1) / shape, (shape + 1) * (shape + 2) / shape**2)
    return f3**2 * (c3 + 3 * c2 * c1 + c1**3) / d**3 + 3 * f2**2 * (c2 + c1**2) / d**2 + 3 * c1 / d + 1


_SIZES = [
    ("10 equal classes", 100),
    ("10 classes, five of them rare", 100),
    ("10 classes, five of them rare", 719),
    ("100 equal classes", 100),
    ("100 Zipf classes", 100),
    ("100 Zipf classes", 500),
    ("1,000 equal classes", 1000),
    ("1,000 Zipf classes", 1000),
    ("1,000 classes, half of them lost", 1000),
]

CASES = [
    *(
        Case(
            name,
            f"{population}, n {n}",
            partial(trial, population=population, n=n),
            conservative=True,
            repetitions=150,
            quick=20,
            least=least,
        )
        for name, trial, least in (
            ("mode_coverage", _mode_coverage, None),
            ("mode_entropy", _mode_entropy, None),
            ("inception_score", _inception_score, 0.5),
        )
        for population, n in _SIZES
    ),
    *(
        Case(
            "density",
            f"{world}, n 300, d 8",
            partial(_density, n=300, d=8, spread=spread, shift=shift),
            conservative=True,
            repetitions=150,
            quick=10,
        )
        for world, spread, shift in (("one place", 0.05, 0.0), ("one place aside", 0.05, 0.8), ("honest", 1.0, 0.0))
    ),
    *(
        Case(
            "kid",
            f"{world}, n 400, d 32",
            partial(_kid, n=400, d=32, scale=scale, shape=shape),
            conservative=True,
            repetitions=200,
            quick=10,
            least=least,
        )
        for world, scale, shape, least in (
            ("exponential features", 1.2, np.inf, None),
            # `KID` says so: few rows hold the variance.
            ("exponential features, large together", 1.1, 4.0, 0.8),
            ("exponential features, large together, apart", 1.3, 1.5, 0.8),
        )
    ),
]
