"""Precision, recall, density, coverage and the rate out of distribution against loops, prdc and simulation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from harness.api import Estimate, Records
from harness_generative.metrics.manifold import Coverage, Density, Precision, Recall, reach
from harness_generative.metrics.novelty import OutOfDistributionRate

Points = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Points]
METRICS = {"precision": Precision, "recall": Recall, "density": Density, "coverage": Coverage}


def four(generated: Points, reference: Points, k: int) -> dict[str, float]:
    found = reach(generated=generated.astype(np.float32), reference=reference.astype(np.float32), k=k)
    shares = (found.holders > 0).mean(), found.reached.mean(), found.holders.mean() / k, found.covered.mean()
    return {name: float(share) for name, share in zip(METRICS, shares, strict=True)}


def by_loops(generated: Points, reference: Points, k: int) -> dict[str, float]:
    """The definitions of Kynkäänniemi et al. 2019 and Naeem et al. 2020, word for word."""

    def distance(x: Points, y: Points) -> float:
        return float(np.sqrt(np.sum((x.astype(np.float32).astype(float) - y.astype(np.float32).astype(float)) ** 2)))

    def radius(i: int, points: Points) -> float:
        return sorted(distance(points[i], points[j]) for j in range(len(points)) if j != i)[k - 1]

    real, fake = [radius(i, reference) for i in range(len(reference))], [0.0] * len(generated)
    fake = [radius(j, generated) for j in range(len(generated))]
    inside_real = [[distance(x, y) <= r for y in generated] for x, r in zip(reference, real, strict=True)]
    inside_fake = [[distance(x, y) <= r for x in reference] for y, r in zip(generated, fake, strict=True)]
    return {
        "precision": np.mean([any(row[j] for row in inside_real) for j in range(len(generated))]),
        "recall": np.mean([any(row[i] for row in inside_fake) for i in range(len(reference))]),
        "density": sum(map(sum, inside_real)) / (k * len(generated)),
        "coverage": np.mean([any(row) for row in inside_real]),
    }


def pairs() -> dict[str, tuple[Points, Points]]:
    """Generated and reference sets."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(40, 3)), rng.normal(size=(33, 3))
    return {
        "the same distribution": (a, b),
        "shifted": (a + 1, b),
        "on a lattice": (np.round(a), np.round(b)),
        "copies of the reference": (b[rng.integers(0, 33, 40)], b),
        "constant samples": (np.repeat(b[:1], 40, axis=0), b),
        "identical constants": (np.ones((40, 3)), np.ones((33, 3))),
    }


@pytest.mark.parametrize("case", pairs())
def test_loops_agree(case: str) -> None:
    generated, reference = pairs()[case]
    for k in (1, 5):
        assert four(generated, reference, k) == pytest.approx(by_loops(generated, reference, k), abs=1e-12)


@pytest.mark.parametrize("n", [(700, 1000), (1000, 700)])
def test_prdc_agrees(n: tuple[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    """The package by the authors of density and coverage, in float64 since its float32 breaks some comparisons."""
    prdc = pytest.importorskip("prdc")
    rng = np.random.default_rng(1)
    for width, scale, shift in ((8, 1.0, 0.0), (8, 0.6, 0.5), (64, 1.05, 0.1), (512, 1.0, 0.0)):
        generated = (scale * rng.normal(size=(n[0], width)) + shift).astype(np.float32).astype(np.float64)
        reference = rng.normal(size=(n[1], width)).astype(np.float32).astype(np.float64)
        expected = prdc.compute_prdc(real_features=reference, fake_features=generated, nearest_k=5)
        assert four(generated, reference, 5) == pytest.approx(expected, abs=1e-5)
    capsys.readouterr()


def test_a_collapsed_model_is_precise_and_recalls_nothing() -> None:
    """Which of the two is which: all samples in one corner of the data."""
    rng = np.random.default_rng(0)
    data, corner = rng.normal(size=(500, 8)), 0.01 * rng.normal(size=(500, 8))
    collapsed = four(corner, data, 5)
    assert collapsed["precision"] == 1
    assert collapsed["recall"] < 0.02
    assert collapsed["coverage"] < 0.3
    swapped = four(data, corner, 5)
    assert swapped["precision"] < 0.02
    assert swapped["recall"] == 1


def test_identical_constants_are_precise_in_closed_balls() -> None:
    same = four(np.full((20, 4), 0.3), np.full((30, 4), 0.3), 5)
    assert same == {"precision": 1, "recall": 1, "density": 30 / 5, "coverage": 1}


def test_samples_of_the_data_have_density_1() -> None:
    rng = np.random.default_rng(0)
    found = [four(rng.normal(size=(400, 8)), rng.normal(size=(400, 8)), 5)["density"] for _ in range(10)]
    assert np.mean(found) == pytest.approx(1, abs=0.04)


def stored(folder: Path, **sets: Points) -> Records:
    (folder / "artifacts").mkdir(exist_ok=True)
    for name, points in sets.items():
        np.save(folder / "artifacts" / f"{name}_x.npy", points.astype(np.float32))
    rows = list(range(len(sets["generated"])))
    table = pa.table({"id": [str(row) for row in rows], "row": rows})
    return Records(table, {"features": {"x": "digest"}}, folder)


def coverage(estimates: list[Estimate]) -> float:
    """How often the interval holds the mean of all values, which stands for the expectation at this n."""
    centre = np.mean([estimate.value for estimate in estimates])
    return float(np.mean([(e.low or 0) - 1e-9 <= centre <= (e.high or 0) + 1e-9 for e in estimates]))


def gaussian(scale: float = 1.0, shift: float = 0.0) -> Draw:
    return lambda rng, n: scale * rng.normal(size=(n, 8)) + shift * np.eye(8)[0]


def collapsed(rng: np.random.Generator, n: int) -> Points:
    wide = 0.3 * rng.normal(size=(n, 8))
    return np.where(rng.random((n, 1)) < 0.5, 0.05 * rng.normal(size=(n, 8)) + np.eye(8)[0], wide)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("samples", "n_generated", "n_reference"),
    [(gaussian(), 300, 300), (gaussian(1.3), 300, 700), (gaussian(shift=1.5), 500, 300), (collapsed, 300, 300)],
    ids=["same", "wider", "shifted", "collapsed"],
)
def test_intervals_hold_the_expectation(tmp_path: Path, samples: Draw, n_generated: int, n_reference: int) -> None:
    """150 repeats; the standard error of a coverage of 0.95 is 0.018."""
    rng = np.random.default_rng(2)
    found: dict[str, list[Estimate]] = {name: [] for name in METRICS}
    for repeat in range(150):
        folder = tmp_path / str(repeat)
        folder.mkdir()
        sets = {"generated": samples(rng, n_generated), "reference": gaussian()(rng, n_reference)}
        records = stored(folder, **sets)
        for name, metric in METRICS.items():
            found[name].append(metric().estimate(records))
    held = {name: coverage(estimates) for name, estimates in found.items()}
    assert min(held.values()) >= 0.9, held


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.8, 1.0, 1.2])
def test_the_rate_out_of_distribution_holds_its_expectation(tmp_path: Path, scale: float) -> None:
    """Held-out data exceed the threshold at the nominal rate; the interval allows for the threshold's own error."""
    rng = np.random.default_rng(3)
    train = rng.normal(size=(200, 4))
    estimates = []
    for repeat in range(200):
        folder = tmp_path / str(repeat)
        folder.mkdir()
        sets = {"generated": scale * rng.normal(size=(400, 4)), "reference": rng.normal(size=(200, 4)), "train": train}
        estimates.append(OutOfDistributionRate(quantile=0.9).estimate(stored(folder, **sets)))
    assert coverage(estimates) >= 0.9
    if scale == 1:
        # ⌈201 · 0.9⌉ / 201 of the reference and oneself lie below the threshold.
        assert np.mean([e.value for e in estimates]) == pytest.approx(1 - 181 / 201, abs=0.006)
