"""Differences of two generators over shared references: metrics that say what each piece of data adds."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from harness.api import Influential, Records
from harness_generative.metrics.fid import FidOverFloor, FidProxy
from harness_generative.metrics.kernel import CMMD, KID
from harness_generative.metrics.manifold import Coverage, Density, Precision, Recall

Rows = npt.NDArray[np.float64]
METRICS = [FidProxy(), FidOverFloor(), KID(), CMMD(sigma=2.0, unit_length=False), Precision(), Recall(), Density()]


def records(folder: Path, **sides: Rows) -> Records:
    (folder / "artifacts").mkdir(parents=True, exist_ok=True)
    for side, rows in sides.items():
        np.save(folder / "artifacts" / f"{side}_x.npy", rows)
    n = len(sides["generated"])
    table = pa.table({"id": [f"sample-{i:05}" for i in range(n)], "row": np.arange(n)})
    return Records(table, {"features": {"x": "digest"}}, folder)


def drawn(folder: Path, rng: np.random.Generator, n: int = 120) -> tuple[Records, Records]:
    """Two generators that push the same noise to slightly different places, against one reference."""
    noise, reference, train = rng.normal(size=(3, n, 4))
    shared = {"reference": reference, "train": train}
    one = records(folder / "a", generated=1.3 * noise + 0.5, **shared)
    return one, records(folder / "b", generated=1.3 * noise + 0.6, **shared)


def of(metric: object, made: Records) -> tuple[float, dict[str, Rows]]:
    assert isinstance(metric, Influential)
    influences, value = metric.influences(made), metric.estimate(made).value  # type: ignore[attr-defined]
    assert influences is not None
    return value, dict(influences.parts)


@pytest.mark.parametrize("metric", [*METRICS, Coverage()], ids=lambda metric: type(metric).__name__)
def test_alone_the_influences_give_the_interval(metric: Influential, tmp_path: Path) -> None:
    made = drawn(tmp_path, np.random.default_rng(0))[0]
    _, parts = of(metric, made)
    variance = sum(float(np.square(part).sum()) for part in parts.values())
    found = metric.estimate(made)  # type: ignore[attr-defined]
    half = (
        math.log(found.high / found.low) * found.value if "logarithm" in found.method else found.high - found.low
    ) / 2
    quantile = 1.959964 if "jackknife" in found.method else 2.093024
    # Shares have Wilson's interval of as many trials as give the variance, or more.
    assert half >= 0.9 * quantile * variance**0.5 or found.method == "half-samples"
    assert half == pytest.approx(quantile * variance**0.5, rel=0.35)


def test_sets_without_interval_have_no_influences(tmp_path: Path) -> None:
    made = drawn(tmp_path, np.random.default_rng(0), n=7)[0]
    assert [metric.influences(made) for metric in (FidProxy(), FidOverFloor(), Precision())] == [None] * 3


@pytest.mark.slow
@pytest.mark.extended
def test_the_difference_of_two_generators_is_resolved_and_covered(tmp_path: Path) -> None:
    """Its interval holds the expected difference, and is far narrower than from the two intervals alone."""
    rng = np.random.default_rng(1)
    seen: dict[int, list[tuple[float, float, float]]] = {}
    for repetition in range(200):
        sides = drawn(tmp_path / str(repetition % 2), rng)
        for i, metric in enumerate(METRICS):
            (value_a, a), (value_b, b) = (of(metric, side) for side in sides)
            paired = sum(float(np.square(b[name] - a[name]).sum()) for name in a)
            apart = sum(float(np.square(part).sum()) for parts in (a, b) for part in parts.values())
            seen.setdefault(i, []).append((value_b - value_a, paired**0.5, apart**0.5))
    for i, found in seen.items():
        difference, paired, apart = np.array(found).T
        quantile = 1.96 if i < 4 else 2.093
        covered = float((np.abs(difference - difference.mean()) <= quantile * paired).mean())
        assert covered >= 0.93 - 3 * (0.93 * 0.07 / 200) ** 0.5, METRICS[i]
        assert np.median(paired / apart) < 0.7, METRICS[i]
