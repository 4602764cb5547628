"""Published image sets: their formats, their digests, and what is said when they are not there."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from harness.api import MissingData, PinnedFile, default_folder, read_pinned
from harness_vision import image_sets
from harness_vision.image_sets import cifar10, fashion_mnist, mnist, read_idx


def idx(array: np.ndarray) -> bytes:  # type: ignore[type-arg]
    return struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def test_idx_round_trip() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(read_idx(idx(array), "x"), array)


@pytest.mark.parametrize("content", [b"", b"\x00\x00", b"\x00\x00\x0d\x01\x00\x00\x00\x01aaaa", b"P5 28 28"])
def test_what_is_no_idx_file(content: bytes) -> None:
    with pytest.raises(MissingData, match="x is not an idx file of unsigned bytes"):
        read_idx(content, "x")


def test_a_truncated_idx_file() -> None:
    with pytest.raises(MissingData, match="x holds 23 bytes, its header says 2x3x4"):
        read_idx(idx(np.zeros((2, 3, 4), np.uint8))[:-1], "x")


# --- pinned files ---------------------------------------------------------------------------------------------

CONTENT = b"published content"
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_may_be_packed_or_not(tmp_path: Path, packed: bool) -> None:
    name = "f.bin.gz" if packed else "f.bin"
    (tmp_path / name).write_bytes(gzip.compress(CONTENT) if packed else CONTENT)
    file = PinnedFile("f.bin.gz", "http://nowhere.invalid/f.bin.gz", (SHA,))
    assert read_pinned(file, tmp_path, download=False) == CONTENT


def test_a_wrong_digest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f.bin").write_bytes(b"tampered")
    file = PinnedFile("f.bin", "http://nowhere.invalid/f.bin", (SHA,))
    with pytest.raises(MissingData, match=rf"f.bin has sha256 .*, expected {SHA}; it is damaged or another file"):
        read_pinned(file, tmp_path, download=True)
    assert (tmp_path / "f.bin").read_bytes() == b"tampered"


def test_absent_and_not_to_be_downloaded(tmp_path: Path) -> None:
    file = PinnedFile("f.bin", "http://nowhere.invalid/f.bin", (SHA,))
    with pytest.raises(
        MissingData, match=r"f.bin is not there. Get it from http://nowhere.invalid/f.bin and put it into"
    ):
        read_pinned(file, tmp_path, download=False)


def test_offline_says_how_to_get_it(tmp_path: Path) -> None:
    file = PinnedFile("f.bin", "http://127.0.0.1:9/f.bin", (SHA,))
    with pytest.raises(
        MissingData, match=r"could not be downloaded \(.*\). Get it from .* or name its folder with `folder:`"
    ):
        read_pinned(file, tmp_path / "new", download=True)
    assert list((tmp_path / "new").iterdir()) == []


def test_a_download_is_checked_and_kept(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "f.bin").write_bytes(CONTENT)
    file = PinnedFile("f.bin", (tmp_path / "server" / "f.bin").as_uri(), (SHA,))
    assert read_pinned(file, tmp_path / "cache", download=True) == CONTENT
    shutil.rmtree(tmp_path / "server")
    assert read_pinned(file, tmp_path / "cache", download=True) == CONTENT


def test_the_default_folder_is_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder("mnist") == tmp_path / "harness" / "mnist"


# --- the sets -------------------------------------------------------------------------------------------------


def small_set(monkeypatch: pytest.MonkeyPatch, folder: Path, table: str, prefix: str) -> None:
    """Three images of an idx set with their own digests."""
    rng = np.random.default_rng(0)
    arrays = {
        "images-idx3": rng.integers(0, 256, (3, 28, 28)).astype(np.uint8),
        "labels-idx1": np.array([1, 0, 9], np.uint8),
    }
    digests = []
    for kind, array in arrays.items():
        (folder / f"{prefix}-{kind}-ubyte.gz").write_bytes(gzip.compress(idx(array)))
        digests.append((hashlib.sha256(idx(array)).hexdigest(),))
    monkeypatch.setattr(image_sets, table, {"test": tuple(digests), "train": tuple(digests)})


@pytest.mark.parametrize(("split", "prefix"), [("test", "t10k"), ("train", "train")])
@pytest.mark.parametrize(("load", "table"), [(mnist, "_MNIST_SHA256"), (fashion_mnist, "_FASHION_SHA256")])
def test_idx_sets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, load: object, table: str, split: str, prefix: str
) -> None:
    small_set(monkeypatch, tmp_path, table, prefix)
    data = load(split, tmp_path, False)  # type: ignore[operator]
    assert data.columns["inputs"].shape == (3, 1, 28, 28)
    assert data.columns["inputs"].dtype == np.float32
    assert data.columns["labels"].tolist() == [1, 0, 9]
    assert len(data.facts["classes"]) == 10
    assert len(set(data.ids)) == 3


def test_cifar_binary_batches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = np.zeros((2, 3073), np.uint8)
    rows[:, 0] = [3, 9]
    rows[0, 1] = 255  # first red pixel
    rows[1, 1 + 1024 + 33] = 51  # green, second line, second column
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    (folder / "test_batch.bin").write_bytes(rows.tobytes())
    monkeypatch.setattr(
        image_sets, "_CIFAR10_SHA256", {"test": (("test_batch.bin", hashlib.sha256(rows.tobytes()).hexdigest()),)}
    )
    data = cifar10("test", tmp_path, False)
    inputs = data.columns["inputs"]
    assert inputs.shape == (2, 3, 32, 32)
    assert (inputs[0, 0, 0, 0], inputs[1, 1, 1, 1]) == (1.0, np.float32(0.2))
    assert np.count_nonzero(inputs) == 2
    assert [data.facts["classes"][label] for label in data.columns["labels"]] == ["cat", "truck"]


def test_cifar_from_the_archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import io
    import tarfile

    row = np.full(3073, 7, np.uint8).tobytes()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        member.size = len(row)
        tar.addfile(member, io.BytesIO(row))
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(gzip.compress(packed.getvalue()))
    digest = hashlib.sha256(packed.getvalue()).hexdigest()
    monkeypatch.setattr(
        image_sets, "_CIFAR10_ARCHIVE", PinnedFile("cifar-10-binary.tar.gz", "http://x.invalid", (digest,))
    )
    assert cifar10("test", tmp_path, False).columns["labels"].tolist() == [7]


def test_a_damaged_cifar_batch(tmp_path: Path) -> None:
    (tmp_path / "test_batch.bin").write_bytes(b"x")
    with pytest.raises(MissingData, match="expected 8e2eb146ae340b09"):
        cifar10("test", tmp_path, False)


def test_mnist_from_its_files(data_folder: Path) -> None:
    data = mnist("test", data_folder / "robustness" / "mnist", False)
    assert len(data.ids) == 10_000
    # The first ten labels of the test set, as anyone who has seen it knows.
    assert data.columns["labels"][:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(data.columns["labels"]).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
