"""Two sets of images compared in six lines, wherever they are stored, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from harness.api import Row, Status
from harness.testing import run_suite

SUITE = """suite: two-folders
task: {use: generate, with: {features: [random_conv]}}
data: {use: images, with: {path: REAL}}
models: [{use: from_samples, with: {path: FAKE}}]
samplers: [one_shot]
metrics: [fid_proxy, kid]
"""
N = 24


def pictures(seed: int, size: int = 8) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (N, size, size, 3), dtype=np.uint8)


def folder_of(images: Any, folder: Path, below: Any = lambda i: "") -> Path:
    for i, image in enumerate(images):
        (folder / below(i)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / below(i) / f"{i:02d}.png")
    return folder


def measured(tmp_path: Path, real: object, fake: object, suite: str = SUITE) -> Row:
    assert suite.count("\n") == 6
    (row,) = run_suite(suite.replace("REAL", str(real)).replace("FAKE", str(fake)), tmp_path / "results").rows
    return row


def parquet_of(images: Any, folder: Path) -> Path:
    contents = [path.read_bytes() for path in sorted(folder_of(images, folder).iterdir())]
    pq.write_table(pa.table({"image": contents}), folder.with_suffix(".parquet"))
    return folder.with_suffix(".parquet")


def test_folders_and_files_of_the_same_images_give_the_same_numbers(tmp_path: Path) -> None:
    real, fake = pictures(0), pictures(1)
    np.savez(tmp_path / "adm.npz", fake, np.arange(N) % 3)
    np.save(tmp_path / "fake.npy", fake)
    first = measured(tmp_path / "1", folder_of(real, tmp_path / "real"), folder_of(fake, tmp_path / "fake"))
    assert first.status is Status.OK
    assert first.estimates["fid_proxy"].value
    nested = folder_of(fake, tmp_path / "nested", lambda i: f"{i // 10:05d}")
    others = [nested, tmp_path / "adm.npz", tmp_path / "fake.npy", parquet_of(fake, tmp_path / "table")]
    for i, other in enumerate(others):
        row = measured(tmp_path / f"other-{i}", tmp_path / "real", other)
        for name in ("fid_proxy", "kid"):
            assert row.estimates[name].value == pytest.approx(first.estimates[name].value, rel=1e-4)


def test_all_samples_of_a_folder_are_measured(tmp_path: Path) -> None:
    """Also where they are more than the reference has, or fewer."""
    real, fake = folder_of(pictures(0)[:20], tmp_path / "real"), folder_of(pictures(1), tmp_path / "fake")
    row = measured(tmp_path, real, fake)
    assert (row.n, row.protocol["n_generated"], row.protocol["n_reference"]) == (N, N, 20)
    assert measured(tmp_path / "fewer", fake, real).n == 20


def test_class_folders_and_labels_on_both_sides(tmp_path: Path) -> None:
    names = ["ape", "cat", "dog"]
    real = folder_of(pictures(0), tmp_path / "real", lambda i: names[i % 3])
    fake = folder_of(pictures(1), tmp_path / "fake", lambda i: names[i % 2])
    suite = SUITE.replace("use: images", "use: image_folder").replace("FAKE", "FAKE, class_folders: true")
    row = measured(tmp_path, real, fake, suite)
    assert row.status is Status.OK
    assert row.protocol["asked_for"] == "classes"
    np.savez(tmp_path / "real.npz", pictures(0), np.arange(N) % 3)
    np.savez(tmp_path / "fake.npz", pictures(1), np.arange(N) % 2)
    assert measured(tmp_path / "adm", tmp_path / "real.npz", tmp_path / "fake.npz").protocol["asked_for"] == "classes"


@pytest.mark.parametrize("how", ["clean_fid", "torch_fidelity", "pytorch_fid", "pillow"])
def test_sets_of_two_sizes_are_resized_as_declared(tmp_path: Path, how: str) -> None:
    real, fake = folder_of(pictures(0, 12), tmp_path / "real"), folder_of(pictures(1), tmp_path / "fake")
    refused = measured(tmp_path / "refused", real, fake)
    assert refused.status is Status.INVALID
    assert "samples have shape [3, 8, 8] (such as 00.png), the reference data [3, 12, 12]" in refused.reason
    one = SUITE.replace("FAKE", f"FAKE, size: [12, 12], resize: {how}")
    assert measured(tmp_path / "one", real, fake, one).status is Status.OK
    both = SUITE.replace("REAL", f"REAL, size: [9, 9], resize: {how}").replace(
        "FAKE", f"FAKE, size: [9, 9], resize: {how}"
    )
    assert measured(tmp_path / "both", real, fake, both).status is Status.OK


def test_an_image_of_another_size_in_a_folder_is_named(tmp_path: Path) -> None:
    real, fake = folder_of(pictures(0), tmp_path / "real"), folder_of(pictures(1), tmp_path / "fake")
    Image.fromarray(pictures(2, 6)[0]).save(fake / "odd.png")
    row = measured(tmp_path, real, fake)
    assert row.status is Status.INVALID
    assert "00.png is 3x8x8, odd.png is 3x6x6 (channels, height, width); say `size: " in row.reason
