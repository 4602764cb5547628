"""Corruptions of images: each severity worse than the last, small and large, and seeded by the example."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from harness.api import Context, InvalidOutput
from harness_uncertainty.data.corruptions import KINDS, Kind, blurred, corrupt, pixelated, rotated

CTX = Context(seed=0, scope=("corruption",))


def images(side: int = 8, n: int = 40, channels: int = 1) -> torch.Tensor:
    """Smooth images that fill the box."""
    noise = torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(0))
    return blurred(noise, side / 8).sub(0.5).mul(3).add(0.5).clamp(0, 1)


def names(n: int) -> list[str]:
    return [f"e{i}" for i in range(n)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [8, 48])
def test_severity_is_monotone_and_stays_in_the_box(kind: Kind, side: int) -> None:
    clean, last = images(side), 0.0
    for severity in range(1, 6):
        found = corrupt(clean, names(40), kind, severity, CTX)
        assert found.shape == clean.shape
        assert float(found.min()) >= 0.0
        assert float(found.max()) <= 1.0
        change = float((found - clean).square().mean())
        assert change > last
        last = change


@pytest.mark.parametrize("kind", KINDS)
def test_a_draw_belongs_to_the_example(kind: Kind) -> None:
    clean, ids = images(), names(40)
    whole = corrupt(clean, ids, kind, 3, CTX)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    some = corrupt(clean[order][:7], [ids[i] for i in order[:7]], kind, 3, CTX)
    assert torch.allclose(some, whole[order[:7]], atol=1e-6)


def test_other_boxes_are_kept() -> None:
    clean = images() * 255
    for kind in KINDS:
        small = corrupt(images(), names(40), kind, 4, CTX)
        assert torch.allclose(corrupt(clean, names(40), kind, 4, CTX, 0.0, 255.0), 255 * small, atol=1e-2)


def test_the_blur_is_gaussian() -> None:
    clean = images(32, 1)
    expected = ndimage.gaussian_filter(clean[0, 0].numpy(), 2.0, mode="nearest", truncate=3.0)
    assert blurred(clean, 2.0)[0, 0].numpy() == pytest.approx(expected, abs=1e-5)


def test_a_quarter_turn_is_exact_and_keeps_its_place() -> None:
    clean = images(9, 2, channels=3)
    turned = rotated(clean, torch.tensor([90.0, -90.0]))
    assert torch.allclose(turned[0], torch.rot90(clean[0], 1, (1, 2)), atol=1e-5)
    assert torch.allclose(turned[1], torch.rot90(clean[1], -1, (1, 2)), atol=1e-5)


def test_both_directions_of_rotation_occur() -> None:
    clean = images(17, 1).expand(200, -1, -1, -1)
    found = corrupt(clean, names(200), "rotation", 5, CTX)
    groups = np.unique(found.flatten(1).numpy().round(4), axis=0, return_counts=True)[1]
    assert len(groups) == 2
    assert groups.min() > 60


def test_pixels_are_averages_of_equal_areas() -> None:
    """8 to 4: means of squares. 8 to 7 and back keeps the mean, the place and what is constant."""
    clean = images(8, 3)
    power = float(np.log(4) / np.log(8))
    means = clean.reshape(3, 1, 4, 2, 4, 2).mean(dim=(3, 5))
    expected = means.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.allclose(pixelated(clean, power), expected, atol=1e-6)
    found = pixelated(clean, float(np.log(7) / np.log(8)))
    assert torch.allclose(found.mean((2, 3)), clean.mean((2, 3)), atol=1e-6)
    assert torch.allclose(pixelated(clean.flip(3), 0.8), pixelated(clean, 0.8).flip(3), atol=1e-6)


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(InvalidOutput, match=r"images \[n, channels, height, width\]; these are \[3, 5\]"):
        corrupt(torch.zeros(3, 5), names(3), "noise", 1, CTX)
