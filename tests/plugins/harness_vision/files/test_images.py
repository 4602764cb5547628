"""Images in arrays and in tables: layouts, ranges, labels, groups, and files that cannot be used."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from harness.api import InvalidOutput, MissingData
from harness_vision.files.images import images

RNG = np.random.default_rng(0)
N = 12
BYTES = RNG.integers(0, 256, (N, 5, 6, 3), dtype=np.uint8)
LABELS = np.arange(N) % 3


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "set.npz", **{"images": BYTES, "labels": LABELS, **arrays})
    return folder / "set.npz"


def by_row(data: Any) -> dict[str, Any]:
    taken = data.take(range(len(data.ids)))
    return dict(zip(data.ids, zip(taken["inputs"], taken["labels"].tolist(), strict=True), strict=True))


def test_arrays_of_bytes_and_fractions_in_both_layouts(tmp_path: Path) -> None:
    expected = BYTES.transpose(0, 3, 1, 2).astype(np.float64) / 255
    for array in (BYTES, BYTES / 255, BYTES.transpose(0, 3, 1, 2), (BYTES / 255).astype(np.float32)):
        data = images(saved(tmp_path, images=array))
        assert data.facts == {"classes": ["0", "1", "2"], "box": [0.0, 1.0]}
        for name, (image, label) in by_row(data).items():
            row = int(name.removeprefix("row-"))
            assert image.dtype == np.float32
            assert np.allclose(image, expected[row], atol=1e-7)
            assert label == LABELS[row]


def test_grey_images_names_groups_and_splits(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        images=BYTES[..., 0],
        labels=np.array(["cat", "dog", "ape"])[LABELS],
        sex=np.array(["f", "m"])[np.arange(N) % 2],
        name=np.array([f"photo {i}" for i in range(N)]),
    )
    data = images(path, groups=["sex"], id="name")
    assert data.facts["classes"] == ["ape", "cat", "dog"]
    assert [int(name[6:]) % 2 for name in data.ids] == [int(group == "m") for group in data.groups["sex"]]
    assert data.take([0])["inputs"].shape == (1, 1, 5, 6)
    parts = [images(path, id="name", split=part).ids for part in ("train", "validation", "test")]  # type: ignore[arg-type]
    assert sorted(name for part in parts for name in part) == sorted(data.ids)
    assert images(path, classes=["dog", "cat", "ape"]).facts["classes"] == ["dog", "cat", "ape"]


def test_two_npy_files(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", BYTES)
    np.save(tmp_path / "y.npy", LABELS)
    assert len(images(tmp_path / "x.npy", labels_path=tmp_path / "y.npy").ids) == N
    alone = images(tmp_path / "x.npy")
    assert alone.facts == {"box": [0.0, 1.0]}
    assert list(alone.take([0])) == ["inputs"]
    with pytest.raises(InvalidOutput, match=r"x.npy holds one array; name the .npy file of the labels"):
        images(tmp_path / "x.npy", labels="y")


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"images": BYTES // 15}, "uint8 values up to 17; say which is white, such as `white: 255`"),
        ({"images": BYTES / 255.0 / 255}, "values up to 0.0039.*; say which is white"),
        ({"images": BYTES.astype(np.uint16)}, "uint16 values up to 255; say which is white, such as `white: 255`"),
        ({"images": BYTES.astype(np.float32)}, "float32 values up to 255; say which is white, such as `white: 255`"),
        ({"images": BYTES / 127.5 - 1}, "values from -1 to .*before they were normalised"),
        ({"images": np.where(BYTES[2, 3] == BYTES, np.nan, 0.5)[2:]}, "NaN or infinity, first in row 0"),
        ({"images": BYTES[:, :3, :, :]}, r"shape 12x3x6x3, which might be \[n, H, W, C\] or \[n, C, H, W\]"),
        ({"images": np.zeros((N, 2, 6, 2))}, "has neither 1 nor 3 channels"),
        ({"images": np.zeros((N, 6))}, r"shape 12x6; \[n, H, W\]"),
        ({"images": BYTES.astype("U3")}, "values; images are numbers"),
        ({"images": BYTES.astype(object)}, "array of Python objects"),
        ({"images": BYTES[:0], "labels": LABELS[:0]}, "holds no images"),
        ({"labels": LABELS[:-1]}, r"the labels are int64 of shape \[11\]; 12 whole numbers or names"),
        ({"labels": LABELS / 2}, "the labels are float64"),
        ({"labels": LABELS - 1}, "the labels go from -1 to 1; there are 2 classes, counted from 0"),
        ({"labels": np.eye(3)[LABELS]}, r"of shape \[12, 3\]"),
    ],
)
def test_arrays_that_cannot_be_used(tmp_path: Path, arrays: Any, problem: str) -> None:
    with pytest.raises(InvalidOutput, match=problem):
        images(saved(tmp_path, **arrays))


def test_a_declared_white(tmp_path: Path) -> None:
    data = images(saved(tmp_path, images=(BYTES // 16).astype(np.uint16)), white=16.0)
    assert data.take(range(N))["inputs"].max() == pytest.approx(15 / 16)
    with pytest.raises(InvalidOutput, match="values up to 255, above the white of 16"):
        images(saved(tmp_path), white=16.0)
    assert images(saved(tmp_path, images=BYTES > 100)).take([0])["inputs"].max() == 1


def test_files_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="holds no images"):
        images(tmp_path)
    with pytest.raises(MissingData, match=r"x.txt is not there; it should be a folder of images or a .npz, .npy"):
        images(tmp_path / "x.txt")
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(InvalidOutput, match=r"x.npz cannot be read as arrays"):
        images(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", pictures=BYTES, labels=LABELS)
    with pytest.raises(InvalidOutput, match=r"no array 'images' or .* for images; it has pictures, labels"):
        images(tmp_path / "x.npz")
    assert len(images(tmp_path / "x.npz", images="pictures").ids) == N
    with pytest.raises(InvalidOutput, match="are for encoded images, not for arrays"):
        images(tmp_path / "x.npz", images="pictures", mode="rgb")
    with pytest.raises(InvalidOutput, match=r"x.npz holds arrays; say how .*`resize: clean_fid`"):
        images(tmp_path / "x.npz", images="pictures", size=[2, 2])
    np.savez(tmp_path / "y.npz", images=BYTES, labels=LABELS, sex=np.arange(3), name=np.zeros(N))
    with pytest.raises(InvalidOutput, match=r"'sex' has shape \[3\]"):
        images(tmp_path / "y.npz", groups=["sex"])
    with pytest.raises(InvalidOutput, match="the names in 'name' are not unique"):
        images(tmp_path / "y.npz", id="name")


def png(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG", **options)
    return buffer.getvalue()


def table_of(folder: Path, pictures: Any, **columns: Any) -> Path:
    pq.write_table(pa.table({"image": pictures, "label": LABELS.tolist(), **columns}), folder / "set.parquet")
    return folder / "set.parquet"


@pytest.mark.parametrize("nested", [False, True])
def test_encoded_images_of_a_table(tmp_path: Path, nested: bool) -> None:
    files = [png(image) for image in BYTES]
    pictures: Any = [{"bytes": content, "path": "x.png"} for content in files] if nested else files
    data = images(table_of(tmp_path, pictures, sex=["f", "m"] * 6), groups=["sex"])
    assert data.facts["classes"] == ["0", "1", "2"]
    for name, (image, label) in by_row(data).items():
        row = int(name.removeprefix("row-"))
        assert np.array_equal(image, BYTES[row].transpose(2, 0, 1) / np.float32(255))
        assert label == LABELS[row]
    assert list(data.groups["sex"]) == ["m" if int(name[4:]) % 2 else "f" for name in data.ids]


def test_what_groups_hold_is_declared(tmp_path: Path) -> None:
    path = table_of(tmp_path, [png(image) for image in BYTES], country=["NA", "DE"] * 6)
    with pytest.raises(InvalidOutput, match=r"`values: \{country: \[NA, ...\]\}`"):
        images(path, groups=["country"])
    assert set(images(path, groups=["country"], values={"country": ["NA", "DE"]}).groups["country"]) == {"NA", "DE"}


def test_tables_whose_images_cannot_be_used(tmp_path: Path) -> None:
    files = [png(image) for image in BYTES]
    with pytest.raises(InvalidOutput, match="row 3: the image is empty"):
        images(table_of(tmp_path, [*files[:2], None, *files[3:]]))
    with pytest.raises(InvalidOutput, match="row 12: images are 3x5x6 and 1x5x6"):
        images(table_of(tmp_path, [*files[:-1], png(BYTES[-1, ..., 0])]))
    assert len(images(table_of(tmp_path, [*files[:-1], png(BYTES[-1, ..., 0])]), mode="rgb").ids) == N
    with pytest.raises(InvalidOutput, match="'image' holds string; encoded images as bytes are needed"):
        images(table_of(tmp_path, ["x.png"] * N))
    with pytest.raises(InvalidOutput, match="no column 'photo' for images"):
        images(table_of(tmp_path, files), images="photo")
    cut = png(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))[:-3000]
    data = images(table_of(tmp_path, [cut] + [png(np.zeros((64, 64, 3), np.uint8))] * (N - 1)))
    with pytest.raises(InvalidOutput, match=r"row 1: the image cannot be read whole.*take the row out"):
        data.take(range(N))


def test_images_of_a_training_file_are_refused_left_out_or_kept(tmp_path: Path) -> None:
    """By their pixels: the training file holds fractions, in another layout."""
    path = saved(tmp_path)
    seen = (BYTES[[2, 7]].transpose(0, 3, 1, 2) / 255).astype(np.float64)
    others = np.random.default_rng(1).random((5, 3, 5, 6))
    np.savez(tmp_path / "train.npz", images=np.concatenate([others, seen]))
    how: dict[str, Any] = {"train_path": tmp_path / "train.npz"}
    with pytest.raises(
        InvalidOutput, match=r"2 of 12 examples of set.npz are in train.npz too, such as row-000000[27]"
    ):
        images(path, **how)
    left, kept = images(path, overlap="leave_out", **how), images(path, overlap="keep", **how)
    assert sorted(left.ids) == [f"row-{row:07d}" for row in range(N) if row not in (2, 7)]
    assert sorted(kept.ids) == [f"row-{row:07d}" for row in range(N)]
    assert left.facts["overlap"] == kept.facts["overlap"] == 2
    whole = by_row(images(path))
    for name, (image, label) in by_row(left).items():
        assert np.array_equal(image, whole[name][0])
        assert label == whole[name][1]
    np.savez(tmp_path / "train.npz", images=others)
    assert "overlap" not in images(path, **how).facts
    with pytest.raises(MissingData, match=r"all 12 examples of set.npz are in set.npz too"):
        images(path, train_path=path, overlap="leave_out")
