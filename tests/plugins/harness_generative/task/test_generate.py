"""The task `generate`: what it draws, counts, checks and records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.datasets import load_digits

from harness import Run
from harness.api import Context, Status
from harness.testing import assert_same_records, run_suite

PLUGINS = Path(__file__).parents[3] / "tiny"

SUITE = """
suite: tiny
task: {use: generate, with: {n: 20, features: [halves], judge: brightness, train: {use: photos, with: {split: train}}}}
data: {use: photos}
models: [blobs]
samplers: [direct]
metrics: [count, nfe]
"""


def images(split: str) -> npt.NDArray[np.float32]:
    """The images of the plugin's dataset `[30, 1, 8, 8]`."""
    start = 0 if split == "train" else 200
    return load_digits().images[start : start + 30].astype(np.float32)[:, None] / np.float32(16)


def go(results: Path, old: str = "", new: str = "", **how: Any) -> Run:
    assert old in SUITE
    return run_suite(SUITE.replace(old, new), results, plugin_folders=[PLUGINS], **how)


def test_the_records_say_what_was_drawn(tmp_path: Path) -> None:
    run = go(tmp_path, "[blobs]", "[asked_blobs]")
    (row,) = run.rows
    records = run.records(row)
    assert row.status is Status.OK
    assert row.estimates["count"].value == 20
    assert records["id"][3] == "sample-00003"
    assert records["seed"][3] == Context(scope=("generate",)).derive_seed("noise", "sample-00003")
    # Asked row by row for the classes of the reference, and the judge sees that it was given.
    assert records["condition"].tolist() == ["dark", "bright"] * 10
    assert records["judged"].tolist() == records["condition_class"].tolist() == [0, 1] * 10
    assert records["correct_condition"].all()
    assert records["asked.count"].tolist() == records["judged.count"].tolist() == [1, 2] * 10
    assert records["group.parity"].tolist() == ["even", "odd"] * 10
    samples = records.artifact("samples")
    noise = torch.empty(1, 8, 8).normal_(generator=torch.Generator().manual_seed(int(records["seed"][3])))
    expected = ((noise.sigmoid() * 0.2 + 0.6) * 16).round() / 16
    assert np.array_equal(samples[3], expected.numpy())
    assert records.artifact("judge_probabilities").shape == (20, 2)


def test_the_nearest_training_examples(tmp_path: Path) -> None:
    records = go(tmp_path).records("blobs")
    generated, train = records.artifact("generated_halves"), records.artifact("train_halves")
    assert generated.shape == (20, 2)
    assert train.shape == records.artifact("reference_halves").shape == (30, 2)
    distances = np.linalg.norm(generated[:, None].astype(float) - train[None], axis=2)
    order = np.argsort(distances, axis=1)
    assert records["train_distance"] == pytest.approx(np.sort(distances, axis=1)[:, 0])
    assert records["train_distance_2"] == pytest.approx(np.sort(distances, axis=1)[:, 1])
    assert records["train_neighbour"].tolist() == [f"train-{i}" for i in order[:, 0]]
    among = np.linalg.norm(train[:, None].astype(float) - train[None], axis=2) + np.diag([np.inf] * 30)
    assert records["train_neighbour_gap"] == pytest.approx(among.min(axis=1)[order[:, 0]])
    pixels = images("train").reshape(30, -1)
    in_pixels = np.linalg.norm(records.artifact("samples").reshape(20, 1, -1) - pixels[None], axis=2)
    assert records["pixel_distance"] == pytest.approx(in_pixels.min(axis=1))
    assert records["pixel_neighbour_row"].tolist() == in_pixels.argmin(axis=1).tolist()


def test_passes_are_counted_and_watched(tmp_path: Path) -> None:
    run = go(tmp_path, "models: [blobs]\nsamplers: [direct]", "models: [halving]\nsamplers: [steps]")
    (row,) = run.rows
    assert run.records(row)["nfe"].tolist() == [4.0] * 20
    assert row.cost == {"passes": 4.0}
    assert row.estimates["nfe"].value == 4.0
    photos = {path.name for path in (run.folder.cell(row.cell) / "artifacts").glob("*.png")}
    assert photos == {"samples.png", "neighbours.png", "denoising.png", "noising.png"}


def test_samples_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    change = ("models: [blobs]\nsamplers: [direct]", "models: [asked_blobs, halving]\nsamplers: [direct, steps]")
    runs = [go(tmp_path / str(size), *change, batch_size=size) for size in (1, 7, 64)]
    assert [row.status for row in runs[0].rows] == [Status.OK, Status.SKIPPED, Status.SKIPPED, Status.OK]
    assert "steps needs model asked_blobs to be Denoiser; it has no decode, denoise, encode" in runs[0].rows[1].reason
    for other in runs[1:]:
        assert_same_records(runs[0], other)
        for row in (runs[0].rows[0], runs[0].rows[3]):
            one, two = (run.records(row.cell).artifact("samples") for run in (runs[0], other))
            assert np.array_equal(one, two)


def test_samples_made_elsewhere(tmp_path: Path) -> None:
    run = go(tmp_path, "[blobs]", "[given]")
    (row,) = run.rows
    records = run.records(row)
    assert (records["pixel_distance"] == 0).all()
    assert (records["train_distance"] == 0).all()
    assert records["pixel_neighbour_row"].tolist() == list(range(20))
    assert records["condition_class"].tolist() == [0, 1] * 10
    assert "nfe" not in records
    assert row.cost == {}


def test_without_judge_and_training_data(tmp_path: Path) -> None:
    run = go(tmp_path, ", judge: brightness, train: {use: photos, with: {split: train}}", "")
    columns = run.records("blobs").table.column_names
    assert not any(name.startswith(("train_", "pixel_", "judge")) for name in columns)
    assert run.rows[0].protocol["judge"] is run.rows[0].protocol["train"] is None


@pytest.mark.parametrize(
    ("old", "new", "status", "told"),
    [
        (
            "[blobs]",
            "[{use: blobs, with: {how: nan}}]",
            Status.INVALID,
            "1 of 20 samples are not finite, first sample-",
        ),
        ("[blobs]", "[{use: blobs, with: {how: outside}}]", Status.INVALID, "outside the box [0, 1]"),
        ("[blobs]", "[{use: blobs, with: {how: few}}]", Status.INVALID, "generated shape [23, 1, 8, 8] for noise"),
        ("[blobs]", "[{use: blobs, with: {how: shape}}]", Status.INVALID, "the reference data [1, 8, 8]"),
        (
            "{use: photos}",
            "{use: photos, with: {leak: 2}}",
            Status.INVALID,
            "2 of 30 reference examples are among",
        ),
        ("[halves]", "[{use: halves, with: {constant: true}}]", Status.INVALID, "the same features for all"),
        ("[blobs]", "[{use: given, with: {first: -1}}]", Status.INVALID, "sample-00000 was made for class -1"),
        ("[blobs]", "[{use: given, with: {first: 2}}]", Status.INVALID, "the reference data have 2 classes, 0 to 1;"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, status: Status, told: str) -> None:
    (row,) = go(tmp_path, old, new).rows
    assert row.status is status
    assert told in row.reason


FITTED = """
suite: fitted
task: {use: generate, with: {n: 10, features: [FEATURES]OVERLAP}}
data: {use: digits, with: {split: SPLIT}}
models: [MODEL]
samplers: [one_shot]
metrics: [fid_proxy]
"""


@pytest.mark.parametrize(
    ("model", "features", "split", "overlap", "trained"),
    [
        ("gmm", "random_conv", "train", "", "model gmm"),
        ("{use: copy_of, with: {samples: digits}}", "pixel_pca", "train", "", "extractor pixel_pca"),
        ("gmm", "pixel_pca", "train", ", overlap: 1", None),
        ("gmm", "pixel_pca", "held_out", "", None),
    ],
)
def test_nothing_may_be_fitted_to_the_reference(
    tmp_path: Path, model: str, features: str, split: str, overlap: str, trained: str | None
) -> None:
    """Also where the task is given no training data, or other data than the components were fitted to."""
    suite = FITTED.replace("FEATURES", features).replace("OVERLAP", overlap)
    (row,) = run_suite(suite.replace("SPLIT", split).replace("MODEL", model), tmp_path).rows
    if trained is None:
        assert row.status is Status.OK
    else:
        assert row.status is Status.INVALID
        assert f"1078 of 1078 reference examples are among the training data of {trained}, first" in row.reason


def test_the_comparability_key_holds_the_sizes_and_the_extractors(tmp_path: Path) -> None:
    one, fewer = go(tmp_path).rows[0], go(tmp_path, "n: 20", "n: 16").rows[0]
    other = go(tmp_path, "[halves]", "[{use: halves, as: other}]").rows[0]
    assert one.protocol["n_generated"] == 20
    assert list(other.protocol["features"]) == ["other"]
    assert len({one.key, fewer.key, other.key}) == 3
