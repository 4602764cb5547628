"""Authenticity, memorisation and the rate out of distribution on values written out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from harness.api import Records, proportion
from harness_generative.metrics.novelty import Authenticity, Memorisation, OutOfDistributionRate
from harness_generative.nearest.neighbours import nearest


def test_authentic_is_what_lies_beyond_the_gap() -> None:
    records = Records.of(
        {
            "id": list("abcdef"),
            "train_distance": [0.0, 1.0, 2.0, 3.0, 0.0, None],
            "train_neighbour_gap": [1.0, 2.0, 2.0, 2.0, 0.0, 1.0],
        }
    )
    # A copy, within the gap, on its edge, beyond it, a copy of an example that is there twice, unknown.
    expected = replace(proportion(1, 5, n_missing=1), method="wilson, given the training set")
    assert Authenticity().estimate(records) == expected
    np.testing.assert_array_equal(Authenticity().per_example(records), [0, 0, 0, 1, 0, np.nan])


def ratios(**more: object) -> Records:
    # A third exactly, a little less, a copy, a copy of a double, far from both, unknown.
    first, second = [1.0, 0.99, 0.0, 0.0, 2.0, None], [3.0, 3.0, 1.0, 0.0, 2.0, 1.0]
    return Records.of({"id": list("abcdef"), "pixel_distance": first, "pixel_distance_2": second, **more})


def test_memorised_is_what_is_three_times_nearer_to_one_example() -> None:
    assert Memorisation(threshold=1 / 3).estimate(ratios()) == proportion(3, 5, n_missing=1)
    np.testing.assert_array_equal(Memorisation().per_example(ratios()), [0, 1, 1, 1, 0, np.nan])
    assert Memorisation(threshold=0.2).estimate(ratios()).value == 0.4
    assert Memorisation(threshold=1).estimate(ratios()).value == 0.8


def test_memorisation_in_features_reads_the_other_columns() -> None:
    records = ratios(train_distance=[0.0] * 6, train_distance_2=[1.0] * 6)
    assert Memorisation(space="features").estimate(records).value == 1.0
    assert Memorisation(space="features").columns == ("train_distance", "train_distance_2")
    assert Memorisation().columns == ("pixel_distance", "pixel_distance_2")


def placed(folder: Path, generated: list[float], reference: list[float], rows: list[int] | None = None) -> Records:
    """Features on a line with a single training example at 0: a feature is its distance."""
    (folder / "artifacts").mkdir(exist_ok=True)
    for name, values in (("generated", generated), ("reference", reference), ("train", [0.0])):
        np.save(folder / "artifacts" / f"{name}_a.npy", np.array(values, dtype=np.float32)[:, None])
    rows = list(range(len(generated))) if rows is None else rows
    table = pa.table({"id": [str(row) for row in rows], "row": rows})
    return Records(table, {"features": {"a": "digest"}}, folder)


def test_the_threshold_is_the_conformal_quantile_of_the_reference(tmp_path: Path) -> None:
    # 19 examples and 0.75: the ⌈20 · 0.75⌉ = 15th smallest, 15; equal to it is not beyond it.
    records = placed(tmp_path, [3.0, 15.0, 15.5, 40.0], list(range(1, 20)))
    estimate = OutOfDistributionRate(quantile=0.75).estimate(records)
    assert (estimate.value, estimate.n) == (0.5, 4)
    np.testing.assert_array_equal(OutOfDistributionRate(quantile=0.75).per_example(records), [0, 0, 1, 1])
    chosen = placed(tmp_path, [3.0, 15.0, 15.5, 40.0], list(range(1, 20)), rows=[3, 0])
    np.testing.assert_array_equal(OutOfDistributionRate(quantile=0.75).per_example(chosen), [1, 0])


def test_the_largest_of_19_is_their_095_quantile_and_18_are_too_few(tmp_path: Path) -> None:
    enough = placed(tmp_path, [18.9, 19.1], list(range(1, 20)))
    assert OutOfDistributionRate(quantile=0.95).estimate(enough).value == 0.5
    few = placed(tmp_path, [1.0, 2.0], list(range(1, 19)))
    estimate = OutOfDistributionRate(quantile=0.95).estimate(few)
    assert estimate.value is None
    assert estimate.reason == "the quantile 0.95 needs 19 reference examples; there are 18"
    assert np.isnan(OutOfDistributionRate(quantile=0.95).per_example(few)).all()


def test_the_uncertain_threshold_widens_the_interval(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    records = placed(tmp_path, rng.gamma(4, size=500).tolist(), rng.gamma(4, size=100).tolist())
    estimate = OutOfDistributionRate().estimate(records)
    alone = proportion(round((estimate.value or 0) * 500), 500)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < (alone.low or 0)
    assert estimate.high > (alone.high or 1)


def test_without_training_data_nothing_is_out_of_distribution(tmp_path: Path) -> None:
    records = placed(tmp_path, [3.0, 15.0], list(range(1, 20)))
    (tmp_path / "artifacts" / "train_a.npy").unlink()
    estimate = OutOfDistributionRate(quantile=0.75).estimate(records)
    assert not estimate.applies
    assert "give the task `train`" in estimate.reason
    assert np.isnan(OutOfDistributionRate(quantile=0.75).per_example(records)).all()


def test_copies_of_the_training_set_are_never_out_of_distribution(tmp_path: Path) -> None:
    records = placed(tmp_path, [0.0] * 50, list(range(1, 60)))
    estimate = OutOfDistributionRate().estimate(records)
    assert (estimate.value, estimate.low) == (0.0, 0.0)
    assert 0 < (estimate.high or 0) < 0.15


def test_a_model_that_returns_its_training_set_is_found_out() -> None:
    """Through the distances that the task stores; one training example is there twice."""
    rng = np.random.default_rng(0)
    train = rng.normal(size=(200, 16)).astype(np.float32)
    train[7] = train[3]
    samples = train[rng.integers(0, 200, 300)]
    distances, found = nearest(samples, train, 2)
    gaps = nearest(train, train, 1, exclude_self=True)[0][:, 0]
    honest = rng.normal(size=(300, 16)).astype(np.float32)
    honest_distances, honest_found = nearest(honest, train, 2)
    for d, near, authentic, memorised in (
        (distances, found, 0.0, 1.0),
        (honest_distances, honest_found, 0.67, 0.0),
    ):
        columns = {"train_distance": d[:, 0], "train_neighbour_gap": gaps[near[:, 0]]}
        columns |= {"pixel_distance": d[:, 0], "pixel_distance_2": d[:, 1]}
        records = Records.of({"id": [str(i) for i in range(300)], **columns})
        assert Authenticity().estimate(records).value == pytest.approx(authentic, abs=0.1 * (authentic > 0))
        assert Memorisation().estimate(records).value == memorised
