"""Precision, recall, density and coverage on records with features beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from harness.api import Estimate, InvalidOutput, Records
from harness_generative.metrics import manifold as manifold_metrics
from harness_generative.metrics.manifold import Coverage, Density, Precision, Recall


def records(folder: Path, rows: list[int] | None = None, **arrays: npt.NDArray[Any]) -> Records:
    (folder / "artifacts").mkdir(exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / "artifacts" / f"{name}.npy", array.astype(np.float32))
    picked = list(range(len(arrays["generated_a"]))) if rows is None else rows
    table = pa.table({"id": [f"sample-{row}" for row in picked], "row": picked})
    return Records(table, {"features": {"a": "digest a", "b": "digest b"}}, folder)


def on_a_line(*places: float) -> npt.NDArray[np.float64]:
    return np.array(places)[:, None]


# k = 1. Reach of the reference: 0±1, 1±1, 4±3, 10±6. Of the samples: 1.5±0.5, 2±0.5, 20±18.
LINE = {"generated_a": on_a_line(1.5, 2, 20), "reference_a": on_a_line(0, 1, 4, 10)}


def test_on_a_line_by_hand(tmp_path: Path) -> None:
    found = records(tmp_path, **LINE)
    # 1.5 lies within 1±1 and 4±3, 2 on the rim of 1±1 and within 4±3, 20 nowhere.
    assert Precision(k=1).estimate(found).value == pytest.approx(2 / 3)
    assert Density(k=1).estimate(found).value == pytest.approx(4 / 3)
    assert Coverage(k=1).estimate(found).value == pytest.approx(2 / 4)
    # 1 on the rim of 1.5±0.5, 4 and 10 within 20±18.
    assert Recall(k=1).estimate(found).value == pytest.approx(3 / 4)
    assert [metric(k=1).estimate(found).n for metric in (Precision, Density, Coverage, Recall)] == [3, 3, 4, 4]


def test_too_small_for_halves_means_no_interval(tmp_path: Path) -> None:
    for metric in (Precision, Recall, Density, Coverage):
        estimate = metric(k=1).estimate(records(tmp_path, **LINE))
        assert (estimate.low, estimate.high) == (None, None)


@pytest.mark.parametrize("metric", [Precision, Recall, Density, Coverage])
def test_too_small_for_k(tmp_path: Path, metric: type[Any]) -> None:
    estimate = metric(k=3).estimate(records(tmp_path, **LINE))
    assert estimate.value is None
    assert estimate.reason == "3 neighbours need 4 samples and as many reference examples; there are 3 and 4"


def test_identical_constants_reach_each_other(tmp_path: Path) -> None:
    found = records(tmp_path, generated_a=np.full((60, 3), 7.3), reference_a=np.full((50, 3), 7.3))
    for metric in (Precision, Recall, Coverage):
        estimate = metric().estimate(found)
        assert (estimate.value, estimate.high) == (1.0, 1.0)
        assert 0.85 < (estimate.low or 0) < 0.95
    assert Density().estimate(found).value == 50 / 5


def test_intervals_hold_their_value_and_stay_within_the_range(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    found = records(tmp_path, generated_a=rng.normal(size=(90, 4)), reference_a=rng.normal(size=(80, 4)))
    for metric in (Precision, Recall, Density, Coverage):
        estimate = metric().estimate(found)
        assert estimate.low is not None
        assert estimate.high is not None
        assert 0 <= estimate.low < (estimate.value or 0) < estimate.high
        assert estimate.high <= 1 or metric is Density
        assert estimate.high - estimate.low < (1.0 if metric is Density else 0.35)


def test_far_samples_give_0_and_a_density_without_interval(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    found = records(tmp_path, generated_a=rng.normal(size=(90, 4)) + 50, reference_a=rng.normal(size=(80, 4)))
    assert Density().estimate(found) == Estimate(0.0, None, None, 0.95, "half-samples", 90)
    for metric in (Precision, Recall, Coverage):
        estimate = metric().estimate(found)
        assert (estimate.value, estimate.low) == (0.0, 0.0)
        assert 0.03 < (estimate.high or 0) < 0.07


def test_crowded_blocks_count_halves_as_sparse_ones_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples near the centre lie within every reach: too many pairs to list, the same numbers."""
    rng = np.random.default_rng(0)
    sets = {"generated": 0.7 * rng.normal(size=(200, 50)), "reference": rng.normal(size=(150, 50))}
    crowded = manifold_metrics.reach(**sets, k=5)
    assert (crowded.holders > 0).all()
    expected = crowded.halves.copy()
    monkeypatch.setattr(manifold_metrics, "_DENSE_SHARE", 2.0)
    np.testing.assert_allclose(manifold_metrics.reach(**sets, k=5).halves, expected)


def test_the_density_of_collapsed_samples_is_as_uncertain_as_the_few_examples_around_them(tmp_path: Path) -> None:
    """All samples in one place: at least the error of a Poisson count of the examples whose reach holds it."""
    rng = np.random.default_rng(0)
    generated, reference = 0.8 + 0.01 * rng.normal(size=(200, 8)), rng.normal(size=(200, 8))
    found = Density().estimate(records(tmp_path, generated_a=generated, reference_a=reference))
    distances = np.linalg.norm(reference[:, None] - reference, axis=2)
    radii = np.sort(distances, axis=1)[:, 5]
    holding = (np.linalg.norm(reference[:, None] - generated, axis=2) <= radii[:, None]).any(axis=1).sum()
    assert 2 < holding < 20
    assert found.value is not None
    assert found.high is not None
    assert found.high - found.value >= 2.09 * found.value / holding**0.5


def test_rows_of_the_records_choose_the_samples(tmp_path: Path) -> None:
    kept = records(tmp_path, rows=[0, 1], **LINE)
    estimate = Precision(k=1).estimate(kept)
    assert (estimate.value, estimate.n) == (1.0, 2)


def test_features_are_chosen_by_label(tmp_path: Path) -> None:
    other = {"generated_b": on_a_line(100, 101, 102), "reference_b": on_a_line(0, 1, 4, 10)}
    found = records(tmp_path, **LINE, **other)
    assert Precision(k=1).estimate(found) == Precision(k=1, features="a").estimate(found)
    assert Precision(k=1, features="b").estimate(found).value == 0
    with pytest.raises(InvalidOutput, match="no features 'c'; it has a, b"):
        Precision(features="c").estimate(found)


def test_a_cell_without_features_says_so(tmp_path: Path) -> None:
    bare = Records(records(tmp_path, **LINE).table, {}, tmp_path)
    with pytest.raises(InvalidOutput, match="extracted no features; name an extractor"):
        Recall().estimate(bare)
    with pytest.raises(KeyError, match="no array 'generated_a'"):
        Recall().estimate(Records(bare.table, {"features": {"a": ""}}, None))


def test_four_metrics_share_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = manifold_metrics.reach
    monkeypatch.setattr(manifold_metrics, "reach", lambda **sets: calls.append(1) or real(**sets))
    found = records(tmp_path, **LINE)
    for metric in (Precision, Recall, Density, Coverage):
        metric(k=2).estimate(found)
    assert len(calls) == 1
    changed = records(tmp_path, **{**LINE, "generated_a": on_a_line(1.5, 2, 20, 30)})
    assert Precision(k=2).estimate(changed).n == 4
    assert len(calls) == 2
