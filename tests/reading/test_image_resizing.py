"""Resizing by closed forms and by Pillow and torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from harness.reading.image_resizing import resized

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (7, 5, 3), dtype=np.uint8)
PIXELS = (BYTES.transpose(2, 0, 1) / np.float32(255)).astype(np.float32)
RAMP = (np.arange(4, dtype=np.float32) / 4)[None, None].repeat(2, axis=1)


def test_corners_and_centres_differ_by_half_a_pixel() -> None:
    """A ramp of 0, 1/4, 1/2, 3/4 to twice its width, by hand."""
    corners = resized(RAMP, (2, 8), "torch_fidelity")[0, 0]
    assert corners.tolist() == [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.75]
    centres = resized(RAMP, (2, 8), "pytorch_fid")[0, 0]
    assert centres.tolist() == [0, 0.0625, 0.1875, 0.3125, 0.4375, 0.5625, 0.6875, 0.75]
    # Without antialiasing every other pixel is not looked at.
    assert resized(RAMP, (2, 2), "torch_fidelity")[0, 0].tolist() == [0, 0.5]
    assert resized(RAMP, (2, 2), "pytorch_fid")[0, 0].tolist() == [0.125, 0.625]


@pytest.mark.parametrize("size", [(3, 3), (13, 8), (299, 299), (7, 9)])
def test_as_torch_interpolates(size: tuple[int, int]) -> None:
    expected = interpolate(torch.from_numpy(PIXELS)[None], size, mode="bilinear", align_corners=False)[0]
    assert np.abs(resized(PIXELS, size, "pytorch_fid") - expected.numpy()).max() < 1e-5


@pytest.mark.parametrize("size", [(3, 3), (13, 8), (299, 299), (7, 9)])
@pytest.mark.parametrize(
    ("how", "kind"), [("clean_fid", Image.Resampling.BICUBIC), ("pillow", Image.Resampling.BILINEAR)]
)
def test_as_pillow_resizes_each_channel_in_fractions(size: tuple[int, int], how: Any, kind: Image.Resampling) -> None:
    channels = [
        np.asarray(Image.fromarray(BYTES[:, :, c].astype(np.float32)).resize(size[::-1], kind)) for c in range(3)
    ]
    made = resized(PIXELS, size, how)
    assert made.dtype == np.float32
    assert np.abs(made * 255 - np.stack(channels).clip(0, 255)).max() < 1e-3


def test_an_image_of_that_size_stays_as_it_is() -> None:
    for how in ("pillow", "clean_fid", "pytorch_fid", "torch_fidelity"):
        assert resized(PIXELS, (7, 5), how) is PIXELS  # type: ignore[arg-type]
