"""Frechet metrics as functions of records: which arrays they read, what they refuse, what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from harness.api import InvalidOutput, Records
from harness_generative.metrics.fid import FidDebiased, FidFloor, FidOverFloor, FidProxy
from harness_generative.metrics.frechet import distance, fit

Rows = npt.NDArray[np.float64]


def records(folder: Path, label: str = "x", **sides: Rows) -> Records:
    (folder / "artifacts").mkdir(exist_ok=True)
    for side, rows in sides.items():
        np.save(folder / "artifacts" / f"{side}_{label}.npy", rows.astype(np.float32))
    ids = [f"sample-{i:05}" for i in range(len(sides["generated"]))]
    return Records(pa.table({"id": ids}), {"features": {label: "digest"}}, folder)


def draw(n: int, scale: float = 1.0, seed: int = 0, d: int = 4) -> Rows:
    rows = scale * np.random.default_rng([seed, n]).normal(size=(n, d))
    return rows.astype(np.float32).astype(np.float64)


def fid(one: Rows, two: Rows) -> float:
    return distance(fit(one, name="one"), fit(two, name="two"))


def test_the_proxy_is_the_plug_in_distance_inside_its_interval(tmp_path: Path) -> None:
    generated, reference, train = draw(60, 1.3), draw(80), draw(90, 0.8)
    made = records(tmp_path, generated=generated, reference=reference, train=train)
    for against, other in (("reference", reference), ("train", train)):
        found = FidProxy(against=against).estimate(made)  # type: ignore[arg-type]
        assert found.value == pytest.approx(fid(generated, other), rel=1e-12)
        assert found.low is not None
        assert found.high is not None
        assert 0 <= found.low < found.value < found.high
        assert found.n == 60


def test_some_of_the_samples_are_measured_alone(tmp_path: Path) -> None:
    """Those of a group, say: they and no others are compared with the whole reference."""
    generated, reference = draw(60, 1.3), draw(80)
    some = records(tmp_path, generated=generated, reference=reference).where(np.arange(60) % 3 == 0)
    assert FidProxy().estimate(some).value == pytest.approx(fid(generated[::3], reference), rel=1e-12)
    assert FidProxy().estimate(some).n == 20


def test_the_features_are_chosen_by_label(tmp_path: Path) -> None:
    records(tmp_path, "a", generated=draw(30), reference=draw(40))
    made = records(tmp_path, "b", generated=draw(30, 2.0), reference=draw(40))
    made = Records(made.table, {"features": {"a": "1", "b": "2"}}, tmp_path)
    first, second = FidProxy().estimate(made), FidProxy("b").estimate(made)
    assert first == FidProxy("a").estimate(made)
    assert second.value == pytest.approx(fid(draw(30, 2.0), draw(40)), rel=1e-12)
    with pytest.raises(InvalidOutput, match="no features 'c'; it has a, b"):
        FidProxy("c").estimate(made)
    with pytest.raises(InvalidOutput, match="extracted no features"):
        FidProxy().estimate(Records(made.table, {}, tmp_path))


def test_a_copy_has_distance_0_and_no_interval(tmp_path: Path) -> None:
    made = records(tmp_path, generated=draw(30), reference=draw(30), train=draw(30, 1.1))
    for metric in (FidProxy(), FidOverFloor()):
        found = metric.estimate(made)
        assert (found.value, found.low, found.high) == (0.0, None, None)
        assert found.method == "none: the sets are the same"


def test_too_few_samples_are_undefined(tmp_path: Path) -> None:
    made = records(tmp_path, generated=draw(1), reference=draw(9), train=draw(9, 2.0))
    for metric in (FidProxy(), FidDebiased(), FidFloor(), FidOverFloor()):
        assert metric.estimate(made).reason == "1 generated rows; at least 2 are needed"
    made = records(tmp_path, generated=draw(10), reference=draw(9))
    reason = "half of 9 reference rows is no more than 4 features; at least 10 are needed"
    assert FidDebiased().estimate(made).reason == reason
    made = records(tmp_path, generated=draw(10), reference=draw(10, 2.0))
    assert FidDebiased().estimate(made).value is not None


def test_a_few_rows_give_a_distance_without_interval(tmp_path: Path) -> None:
    """The jackknife of 3 or 4 rows covers 76 to 87 % where it should cover 95 %."""
    for generated, reference in ((7, 30), (30, 7)):
        made = records(tmp_path, generated=draw(generated, 2.0), reference=draw(reference), train=draw(40, 1.1))
        metrics = [FidProxy(), FidFloor(), FidOverFloor()]
        for metric in metrics:
            found = metric.estimate(made)
            assert found.value is not None
            assert (found.low, found.high) == (None, None)
            assert found.method == "none: an interval needs 8 rows, there are 7"
    made = records(tmp_path, generated=draw(7, 2.0, d=2), reference=draw(30, d=2))
    assert FidDebiased().estimate(made).reason == "7 generated rows; quarters need at least 8"
    made = records(tmp_path, generated=draw(8, 2.0), reference=draw(30), train=draw(40, 1.1))
    assert all(metric.estimate(made).low is not None for metric in metrics)


def test_without_training_data_the_floor_does_not_apply(tmp_path: Path) -> None:
    made = records(tmp_path, generated=draw(10), reference=draw(9))
    for metric in (FidProxy(against="train"), FidFloor(), FidOverFloor()):
        found = metric.estimate(made)
        assert not found.applies
        assert "give the task `train`" in found.reason


def test_the_floor_takes_as_many_training_examples_as_samples(tmp_path: Path) -> None:
    reference, train = draw(80), draw(60, 1.2)
    made = records(tmp_path, generated=draw(60, 3.0), reference=reference, train=train)
    found = FidFloor().estimate(made)
    assert found.value == pytest.approx(fid(train, reference), rel=1e-12)
    assert (found.n, found.method) == (60, "jackknife")
    fewer = FidFloor().estimate(records(tmp_path, generated=draw(70), reference=reference, train=train))
    assert fewer.value == found.value
    assert fewer.method == "jackknife; only 60 training examples for 70 samples"
    some = [FidFloor().estimate(records(tmp_path, generated=draw(20), reference=reference, train=train))] * 2
    assert some[0] == some[1]
    assert some[0].value is not None
    assert found.value is not None
    assert some[0].value > found.value


def test_the_ratio_is_of_distances_at_one_number(tmp_path: Path) -> None:
    reference, train, generated = draw(80), draw(60, 1.2), draw(60, 3.0, seed=1)
    found = FidOverFloor().estimate(records(tmp_path, generated=generated, reference=reference, train=train))
    assert found.value == pytest.approx(fid(generated, reference) / fid(train, reference), rel=1e-12)
    assert found.low is not None
    assert found.high is not None
    assert found.low * found.high == pytest.approx(found.value**2, rel=1e-9)
    more = FidOverFloor().estimate(
        records(tmp_path, generated=draw(600, 3.0, seed=1), reference=reference, train=train)
    )
    assert more.n == 60
    same = records(tmp_path, generated=generated, reference=reference, train=reference)
    same = records(tmp_path, generated=draw(80, 2.0), reference=reference, train=reference)
    assert FidOverFloor().estimate(same).reason == "training data and reference are the same"


def test_the_bias_of_few_samples_goes(tmp_path: Path) -> None:
    """Equal populations: the plug-in distance lies far above 0, the extrapolated one about it."""
    made = records(tmp_path, generated=draw(200, d=16), reference=draw(220, d=16))
    plain, free = FidProxy().estimate(made), FidDebiased().estimate(made)
    assert plain.low is not None
    assert plain.low > 0.5
    assert free == FidDebiased().estimate(made)
    assert free.low is not None
    assert free.high is not None
    assert free.low < 0 < free.high < plain.low
