"""What single corruptions do, against values by hand and against scipy, Pillow and colorsys."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from harness.api import Context, InvalidOutput
from harness_uncertainty.corruptions import blurs, digital, noises, weather
from harness_uncertainty.corruptions.draws import Draws


def images(n: int, channels: int, side: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(seed))


def draws(n: int, kind: str = "kind") -> Draws:
    return Draws(Context(seed=0), [f"e{i}" for i in range(n)], kind)


def test_shot_noise_has_the_mean_and_variance_of_counts() -> None:
    clean = torch.full((200, 1, 16, 16), 0.25)
    found = noises.shot_noise(clean, draws(200), 12)
    assert float(found.mean()) == pytest.approx(0.25, abs=0.002)
    assert float(found.var()) == pytest.approx(0.25 / 12, rel=0.03)
    counts = (found * 12).round()
    assert torch.allclose(found * 12, counts, atol=1e-5)


def test_impulse_noise_replaces_its_share() -> None:
    found = noises.impulse_noise(torch.full((100, 3, 16, 16), 0.5), draws(100), 0.2)
    assert float((found == 0).float().mean()) == pytest.approx(0.1, abs=0.005)
    assert float((found == 1).float().mean()) == pytest.approx(0.1, abs=0.005)
    assert float((found == 0.5).float().mean()) == pytest.approx(0.8, abs=0.005)


def test_a_defocused_point_is_a_disk() -> None:
    point = torch.zeros(1, 1, 33, 33)
    point[0, 0, 16, 16] = 1
    sharp = blurs.defocus_blur(point, 4.0, 0.05)[0, 0]
    y, x = np.mgrid[-16:17, -16:17]
    disk = (x**2 + y**2 <= 16).astype(float)
    assert np.allclose(sharp.numpy(), disk / disk.sum(), atol=1e-6)
    soft = blurs.defocus_blur(point, 4.0, 0.5)[0, 0]
    assert float(soft.sum()) == pytest.approx(1.0, abs=1e-5)
    assert 0 < float(soft[16, 21]) < float(soft[16, 20]) < float(soft[16, 19])
    clean = images(1, 2, 9)
    weights = np.ones((3, 3)) / 9
    expected = [ndimage.convolve(one, weights, mode="mirror") for one in clean[0].numpy()]
    assert np.allclose(blurs.defocus_blur(clean, 1.5, 0.05)[0].numpy(), expected, atol=1e-6)


def test_glass_moves_pixels_no_further_than_its_reach_and_scatters_them_alike_in_all_channels() -> None:
    place = torch.arange(400.0).reshape(1, 1, 20, 20).repeat(3, 2, 1, 1)
    found = blurs.glass_blur(place, draws(3), 0.01, 1, 1)
    assert torch.equal(found[:, 0], found[:, 1])
    row, column = found[0, 0] // 20, found[0, 0] % 20
    moved = torch.stack([row - torch.arange(20.0)[:, None], column - torch.arange(20.0)])
    assert set(moved[:, 2:, 2:].unique().tolist()) == {-1.0, 0.0}
    assert float(moved[:, :2].abs().max()) == 0
    assert not torch.equal(found[0], found[1])


def test_a_moving_point_leaves_half_a_gaussian_in_its_direction() -> None:
    point = torch.zeros(2, 1, 21, 21)
    point[:, 0, 10, 10] = 1
    found = blurs.motion_blur(point, torch.tensor([0.0, 90.0]), 3, 1.5)
    weights = np.exp(-(np.arange(7) ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    # Pixels are read from the right, so light moves to the left; and from below, so that it moves up.
    assert np.allclose(found[0, 0, 10, 4:11].numpy(), weights[::-1], atol=1e-5)
    assert np.allclose(found[1, 0, 4:11, 10].numpy(), weights[::-1], atol=1e-5)
    assert float(found[0].sum()) == pytest.approx(1, abs=1e-5)


def test_a_magnified_middle() -> None:
    ramp = torch.arange(16.0).expand(1, 1, 16, 16) / 15
    large = blurs.zoomed(ramp, 2.0)
    assert large.shape == ramp.shape
    assert np.allclose(large[0, 0, 0].numpy(), np.linspace(4 / 15, 11 / 15, 16), atol=1e-5)
    assert torch.equal(blurs.zoomed(ramp, 1.0), ramp)
    both = blurs.zoom_blur(ramp, 0.5, 0.5)
    assert torch.allclose(both, (2 * ramp + blurs.zoomed(ramp, 1.5)) / 3)


def test_a_plasma_fills_its_range_and_is_smoother_the_faster_it_decays() -> None:
    rough, smooth = (weather.plasma(draws(20), 30, 40, decay) for decay in (1.3, 3.0))
    for cloud in (rough, smooth):
        assert cloud.shape == (20, 1, 30, 40)
        assert 0 <= float(cloud.min()) < 0.05
        assert 0.95 < float(cloud.max()) <= 1
    assert float(smooth.diff(dim=3).abs().mean()) < 0.5 * float(rough.diff(dim=3).abs().mean())


def test_fog_keeps_the_brightest_value_possible() -> None:
    clean = 0.6 * images(5, 3, 16)
    found = weather.fog(clean, draws(5), 1.5, 2.0)
    cloud = weather.plasma(draws(5), 16, 16, 2.0)
    top = clean.amax(dim=(1, 2, 3), keepdim=True)
    assert torch.allclose(found, (clean + 1.5 * cloud) * top / (top + 1.5))
    assert float(found.max()) <= float(top.max())


def test_snow_falls_both_ways_and_only_brightens() -> None:
    dark = torch.zeros(4, 3, 32, 32)
    found = weather.snow(dark, draws(4), 0.1, 0.3, 1, 0.5, 8, 3, 1.0)
    assert torch.allclose(found, found.flip(2, 3), atol=1e-5)
    assert float(found.min()) >= 0
    assert float(found.max()) > 0.1
    assert torch.equal(found[:, 0], found[:, 1])


def test_ice_covers_images_differently_and_lacks_no_contrast() -> None:
    ice = weather.frosting(draws(20), 32, 32)
    assert 0.3 < float(ice.mean()) < 0.7
    assert float(ice.std(dim=(1, 2, 3)).min()) > 0.1
    assert not torch.equal(ice[0], ice[1])


def test_brightness_is_that_of_hue_saturation_and_value() -> None:
    clean = images(1, 3, 6)
    clean[0, :, 0, 0] = 0
    found = digital.brightness(clean, 0.3)
    for y in range(6):
        for x in range(6):
            hue, saturation, value = colorsys.rgb_to_hsv(*clean[0, :, y, x].tolist())
            expected = colorsys.hsv_to_rgb(hue, saturation, min(1.0, value + 0.3))
            assert found[0, :, y, x].tolist() == pytest.approx(expected, abs=1e-6)
    assert torch.allclose(digital.brightness(clean[:, :1], 0.3), clean[:, :1] + 0.3)


def test_contrast_shrinks_every_channel_to_its_mean() -> None:
    clean = images(2, 3, 6)
    found = digital.contrast(clean, 0.25)
    assert torch.allclose(found.mean(dim=(2, 3)), clean.mean(dim=(2, 3)), atol=1e-6)
    assert torch.allclose(found.std(dim=(2, 3)), 0.25 * clean.std(dim=(2, 3)), atol=1e-6)


@pytest.mark.parametrize("share", [0.95, 0.75, 0.65, 0.25])
def test_pixels_are_those_of_pillows_box_filter(share: float) -> None:
    clean = images(1, 1, 32)
    picture = Image.fromarray(clean[0, 0].numpy(), mode="F")
    small = math.floor(32 * share)
    expected = picture.resize((small, small), Image.Resampling.BOX).resize((32, 32), Image.Resampling.BOX)
    assert np.allclose(digital.pixelate(clean, share)[0, 0].numpy(), np.asarray(expected), atol=1e-5)


def test_pixelated_images_stay_where_they_are() -> None:
    clean = images(3, 1, 8)
    mirrored = digital.pixelate(clean.flip(3), 0.7).flip(3)
    assert torch.allclose(mirrored, digital.pixelate(clean, 0.7), atol=1e-6)
    assert torch.allclose(mirrored.mean((2, 3)), clean.mean((2, 3)), atol=1e-6)
    assert torch.allclose(digital.pixelate(torch.full((1, 1, 7, 9), 0.4), 0.5), torch.tensor(0.4))


def test_elastic_shifts_are_smoothed_as_scipy_does() -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, (12, 12))
    expected = ndimage.gaussian_filter(noise, 1.7, mode="reflect", truncate=3.0)
    smooth = digital._smoothing(12, 1.7).numpy()
    assert np.allclose(smooth @ noise @ smooth.T, expected, atol=1e-6)


def test_a_skew_moves_its_three_points_to_where_they_should_be() -> None:
    """One bright point that is a corner of the triangle; it is moved by whole pixels, the others stay."""
    point = torch.zeros(1, 1, 31, 31)
    point[0, 0, 25, 25] = 1
    moves = torch.zeros(1, 3, 2)
    moves[0, 0] = torch.tensor([3.0, -2.0])
    found = digital._skewed(point, moves)[0, 0]
    assert divmod(int(found.argmax()), 31) == (23, 28)
    still = digital._skewed(images(1, 1, 31), torch.zeros(1, 3, 2))
    assert torch.allclose(still, images(1, 1, 31), atol=1e-4)


def test_a_jpeg_is_worse_the_lower_its_quality_and_keeps_grey_grey() -> None:
    clean = blurs.gaussian_blur(images(2, 3, 32), 2.0)
    far = [float((digital.jpeg_compression(clean, q) - clean).abs().mean()) for q in (95, 40, 7)]
    assert far[0] < far[1] < far[2] < 0.1
    assert digital.jpeg_compression(clean[:, :1], 40).shape == (2, 1, 32, 32)
    with pytest.raises(InvalidOutput, match="1 channel or 3; these images have 2"):
        digital.jpeg_compression(clean[:, :2], 40)
