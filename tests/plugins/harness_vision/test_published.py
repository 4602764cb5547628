"""Published classifiers by name, and where their files and those of the image sets are looked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from harness.api import MissingData, data_folder, default_folder
from harness_vision.image_sets import cifar10
from harness_vision.published import Name, published
from harness_vision.published_accuracy import PublishedAccuracy

_INPUTS = {
    "resnet20": (3, 32, 32),
    "resnet32": (3, 32, 32),
    "resnet44": (3, 32, 32),
    "resnet56": (3, 32, 32),
    "cnn_a": (3, 32, 32),
    "lenet5_clean": (1, 28, 28),
    "lenet5_adversarial": (1, 28, 28),
    "convex_mnist": (1, 28, 28),
}


@pytest.mark.parametrize("name", _INPUTS)
def test_every_published_file_is_read(data_folder: Path, name: Name) -> None:
    model = published(name, download=False).eval()
    inputs = torch.rand(2, *_INPUTS[name], generator=torch.Generator().manual_seed(0), requires_grad=True)
    logits = model(inputs)
    (gradient,) = torch.autograd.grad(logits.sum(), inputs)
    assert logits.shape == (2, 10)
    assert gradient.abs().amax() > 0


def test_published_accuracy_is_a_fact(data_folder: Path) -> None:
    facts = {"model": published("resnet44").facts}
    assert PublishedAccuracy.of_row(facts) == PublishedAccuracy(
        0.931, 10_000, "cifar10", "akamaster/pytorch_resnet_cifar10"
    )


def test_a_missing_file_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(
        MissingData, match=r"resnet20-12fca82f.th is not there. Get it from https://github.com/akamaster"
    ):
        published("resnet20", folder=tmp_path, download=False)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "resnet20-12fca82f.th").write_bytes(b"something else")
    with pytest.raises(MissingData, match=r"has sha256 .*, expected 12fca82f0bebc.*; it is damaged or another file"):
        published("resnet20", folder=tmp_path, download=False)


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "b.bin").touch()
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    assert data_folder("set", "part", ("a.bin", "b.bin"), None) == tmp_path / "part"
    assert data_folder("set", "part", ("a.bin",), None) == default_folder("set")
    assert data_folder("set", "part", ("b.bin",), Path("said")) == Path("said")
    monkeypatch.delenv("HARNESS_DATA")
    assert data_folder("set", "part", ("b.bin",), None) == default_folder("set")


def test_cifar10_from_arrays_is_the_official_batch(data_folder: Path) -> None:
    data = cifar10(download=False)
    assert len(data.ids) == 10_000
    assert np.bincount(data.columns["labels"]).tolist() == [1000] * 10


def test_arrays_in_another_order_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "cifar10_test_official_order.npz", x=np.zeros((2, 32, 32, 3), np.uint8), y=np.zeros(2))
    with pytest.raises(
        MissingData, match=r"test_batch.bin with sha256 .*, expected 8e2eb.*; it is another set or order"
    ):
        cifar10(folder=tmp_path, download=False)
    (tmp_path / "cifar10_test_official_order.npz").write_bytes(b"no archive")
    with pytest.raises(MissingData, match="cannot be read as arrays x and y"):
        cifar10(folder=tmp_path, download=False)
