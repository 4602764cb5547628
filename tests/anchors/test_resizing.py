"""Images resized as clean-fid and torch-fidelity do it, against those libraries."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from harness.api.images import Conversion, ImageReading, Resize, stored_images

BYTES = np.random.default_rng(0).integers(0, 256, (40, 23, 3), dtype=np.uint8)


def read(folder: Path, how: Resize) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    Image.fromarray(BYTES).save(folder / "a.png")
    images = stored_images(folder, ImageReading(conversion=Conversion(size=(299, 299), resize=how)))
    return images.take([0])[0] * 255


def test_clean_fid(tmp_path: Path) -> None:
    resize = pytest.importorskip("cleanfid.resize")
    expected = resize.build_resizer("clean")(BYTES).transpose(2, 0, 1)
    assert np.abs(read(tmp_path, "clean_fid") - expected).max() < 1e-3
    expected = resize.build_resizer("legacy_pytorch")(BYTES).transpose(2, 0, 1)
    assert np.abs(read(tmp_path, "pytorch_fid") - expected).max() < 1e-2


def test_torch_fidelity(tmp_path: Path) -> None:
    # The package imports torchvision, which this file of it does not need.
    package = importlib.util.find_spec("torch_fidelity")
    if package is None or package.origin is None:
        pytest.skip("torch-fidelity is not installed")
    file = Path(package.origin).with_name("interpolate_compat_tensorflow.py")
    spec = importlib.util.spec_from_file_location("interpolate_compat_tensorflow", file)
    assert spec is not None
    assert spec.loader is not None
    library: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(library)
    images = torch.from_numpy(BYTES.transpose(2, 0, 1)[None]).float()
    expected = library.interpolate_bilinear_2d_like_tensorflow1x(images, size=(299, 299), align_corners=False)[0]
    assert np.abs(read(tmp_path, "torch_fidelity") - expected.numpy()).max() < 1e-3
