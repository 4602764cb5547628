"""Corruptions of images: each severity worse than the last, small and large, and seeded by the example."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from harness.api import Context, InvalidOutput
from harness_uncertainty.corruptions.blurs import gaussian_blur
from harness_uncertainty.data.corruptions import KINDS, PUBLISHED_KINDS, Kind, corrupt, rotated
from harness_vision.digits import digits

CTX = Context(seed=0, scope=("corruption",))
NOT_FURTHER = {"glass_blur", "motion_blur", "frost", "elastic_transform"}
"""Where CIFAR-10-C's own parameters do not take every severity further from the image, pixel by pixel."""


def images(side: int = 8, n: int = 40, channels: int = 1) -> torch.Tensor:
    """Smooth images that fill the box."""
    noise = torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(0))
    return gaussian_blur(noise, side / 8).sub(0.5).mul(3).add(0.5).clamp(0, 1)


def names(n: int) -> list[str]:
    return [f"e{i}" for i in range(n)]


def distances(clean: torch.Tensor, kind: Kind) -> list[float]:
    """The mean change of a value at each severity; every image stays in the box."""
    found = [corrupt(clean, names(len(clean)), kind, severity, CTX) for severity in range(1, 6)]
    for one in found:
        assert one.shape == clean.shape
        assert 0.0 <= float(one.min()) <= float(one.max()) <= 1.0
    return [float((one - clean).abs().mean()) for one in found]


def rises(values: list[float]) -> bool:
    return values[0] > 0 and all(after > before for before, after in pairwise(values))


@pytest.mark.parametrize("kind", KINDS)
def test_every_severity_changes_more_of_a_digit(kind: Kind) -> None:
    clean = torch.as_tensor(digits("test").columns["inputs"])[:100]
    assert rises(distances(clean, kind))


@pytest.mark.parametrize("kind", KINDS)
def test_every_severity_changes_more_of_a_photograph(kind: Kind, data_folder: Path) -> None:
    """By the published parameters, with the exceptions that they make themselves."""
    pixels = np.load(data_folder / "robustness" / "cifar10" / "cifar10_test_official_order.npz")["x"][:100]
    clean = torch.as_tensor(pixels).permute(0, 3, 1, 2) / 255
    assert rises(distances(clean, kind)) == (kind not in NOT_FURTHER)


@pytest.mark.parametrize(("side", "channels"), [(5, 1), (28, 3), (100, 1), (240, 3)])
def test_every_kind_takes_images_of_any_size(side: int, channels: int) -> None:
    clean = images(max(side, 8), 2, channels)[..., :side, :]
    for kind in PUBLISHED_KINDS:
        first, last = (corrupt(clean, names(2), kind, severity, CTX) for severity in (1, 5))
        assert first.shape == clean.shape
        assert not torch.equal(first, last), kind
        assert 0.0 <= float(last.min()) <= float(last.max()) <= 1.0


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
    assert gaussian_blur(clean, 2.0)[0, 0].numpy() == pytest.approx(expected, abs=1e-5)


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


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(InvalidOutput, match=r"images \[n, channels, height, width\]; these are \[3, 5\]"):
        corrupt(torch.zeros(3, 5), names(3), "noise", 1, CTX)


def test_no_image_is_no_trouble() -> None:
    for kind in KINDS:
        assert corrupt(torch.zeros(0, 3, 8, 8), [], kind, 2, CTX).shape == (0, 3, 8, 8)
