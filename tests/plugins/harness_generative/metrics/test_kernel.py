"""KID and CMMD as functions of records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from harness.api import Records
from harness_generative.metrics.kernel import CMMD, KID
from harness_generative.metrics.kernel_distance import cubic, discrepancy, gaussian, median_distance

Rows = npt.NDArray[np.float64]


def records(folder: Path, generated: Rows, reference: Rows) -> Records:
    (folder / "artifacts").mkdir(exist_ok=True)
    for side, rows in (("generated", generated), ("reference", reference)):
        np.save(folder / "artifacts" / f"{side}_x.npy", rows)
    ids = [f"sample-{i:05}" for i in range(len(generated))]
    return Records(pa.table({"id": ids}), {"features": {"x": "digest"}}, folder)


def test_kid_is_the_value_and_its_jackknife(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(40, 5)), rng.normal(size=(30, 5)) + 0.5
    found, expected = KID().estimate(records(tmp_path, one, two)), discrepancy(one, two, cubic)
    assert found.value == expected.value
    assert found.low == pytest.approx(expected.value - 1.959964 * expected.standard_error)
    assert found.high == pytest.approx(expected.value + 1.959964 * expected.standard_error)
    assert (found.n, found.method) == (40, "jackknife")


def test_an_interval_that_a_few_rows_decide_says_so(tmp_path: Path) -> None:
    """Exponential features that are large together; those of a normal and of independent exponentials are not so."""
    rng = np.random.default_rng(0)
    together = [rng.exponential(size=(400, 32)) * rng.gamma(1.5, 1 / 1.5, (400, 1)) for _ in range(2)]
    assert "a few rows outweigh the others" in KID().estimate(records(tmp_path, 1.3 * together[0], together[1])).reason
    for draw in (rng.normal, rng.exponential):
        one, two = draw(size=(400, 32)), 1.2 * draw(size=(400, 32))
        assert KID().estimate(records(tmp_path, one, two)).reason == ""
    assert CMMD().estimate(records(tmp_path, *together)).reason == ""


def test_negative_values_are_kept(tmp_path: Path) -> None:
    """Two halves of a regular grid are more alike than chance: the unbiased value must be below 0."""
    grid = np.linspace(-1, 1, 40)[:, None]
    made = records(tmp_path, grid[::2], grid[1::2])
    for metric in (KID(), CMMD(sigma=0.5, unit_length=False)):
        value = metric.estimate(made).value
        assert value is not None
        assert value < 0


def test_the_width_of_the_kernel(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    one, two = 3 * rng.normal(size=(40, 5)), rng.normal(size=(30, 5))
    made = records(tmp_path, one, two)
    for sigma, width in ((2.5, 2.5), (None, median_distance(two))):
        found = CMMD(sigma=sigma, unit_length=False).estimate(made)
        assert found.value == pytest.approx(1000 * discrepancy(one, two, gaussian(width)).value, rel=1e-12)
    with pytest.raises(ValueError, match="sigma is 0"):
        CMMD(sigma=0)


def test_features_of_length_1(tmp_path: Path) -> None:
    """Scaling an example changes nothing, and one of zeros is no NaN."""
    rng = np.random.default_rng(2)
    one, two = rng.normal(size=(20, 5)), rng.normal(size=(30, 5))
    one[0] = 0
    plain = CMMD().estimate(records(tmp_path, one, two))
    scaled = CMMD().estimate(records(tmp_path, one * rng.uniform(1, 9, (20, 1)), two))
    assert plain.value == pytest.approx(scaled.value, rel=1e-9)


def test_too_few_samples_are_undefined(tmp_path: Path) -> None:
    made = records(tmp_path, np.eye(4), np.eye(4)[:2])
    for metric in (KID(), CMMD()):
        assert metric.estimate(made).reason == "2 reference rows; at least 3 are needed"
    made = records(tmp_path, np.eye(4), np.ones((4, 4)))
    assert "no median distance" in CMMD(sigma=None).estimate(made).reason
