"""Weather: snow, frost and fog. Images `[n, channels, height, width]` are in [0, 1]."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from harness_uncertainty.corruptions.blurs import motion_blur, zoomed
from harness_uncertainty.corruptions.draws import Draws

_LUMA = (0.299, 0.587, 0.114)
_ICE = (0.80, 0.92, 1.0)
"""The tint of ice."""


def snow(images: Tensor, draws: Draws, *level: float) -> Tensor:
    """Bright flakes with trails, falling both ways, over colours that have turned pale.

    Level: mean and deviation of the noise the flakes come from, its magnification, the threshold above which it is a
    flake, radius and deviation of the trails, and the share of the colours that is left.
    """
    centre, deviation, magnification, threshold, radius, trail, kept = level
    noise = centre + deviation * draws.normal(1, *images.shape[2:])
    flakes = zoomed(noise, magnification)
    flakes = torch.where(flakes < threshold, 0.0, flakes).clamp(0, 1)
    degrees = -135 + 90 * draws.uniform(name="angle")
    flakes = motion_blur(flakes, degrees, radius, trail)
    pale = torch.maximum(images, 1.5 * luminance(images) + 0.5)
    return kept * images + (1 - kept) * pale + flakes + flakes.flip(2, 3)


def luminance(images: Tensor) -> Tensor:
    """The perceived brightness `[n, 1, height, width]` of colours; the mean of channels that are not three."""
    if images.shape[1] != 3:
        return images.mean(dim=1, keepdim=True)
    weights = images.new_tensor(_LUMA).reshape(1, 3, 1, 1)
    return (weights * images).sum(dim=1, keepdim=True)


def fog(images: Tensor, draws: Draws, thickness: float, decay: float) -> Tensor:
    """Light scattered by a cloud, a plasma fractal, then as bright as the image was."""
    height, width = images.shape[2:]
    brightest = images.amax(dim=(1, 2, 3), keepdim=True)
    return (images + thickness * plasma(draws, height, width, decay)) * brightest / (brightest + thickness)


def plasma(draws: Draws, height: int, width: int, decay: float, name: str = "") -> Tensor:
    """A cloud in [0, 1], `[n, 1, height, width]`, by the diamond-square algorithm (Fournier, Fussell & Carpenter 1982).

    Each scale is `decay` squared times as rough as the next finer one. The cloud is cut out of a periodic square whose
    side is a power of 2.
    """
    side = 1 << max(1, (max(height, width) - 1).bit_length())
    noise = 2 * draws.uniform(side, side, name=name) - 1
    cloud = torch.zeros_like(noise)
    step, roughness = side, 1.0
    while step >= 2:
        half = step // 2
        corners = cloud[:, ::step, ::step]
        beside = corners + corners.roll(-1, 1)
        middle = (beside + beside.roll(-1, 2)) / 4 + roughness * noise[:, half::step, half::step]
        cloud[:, half::step, half::step] = middle
        along = (middle + middle.roll(1, 1) + corners + corners.roll(-1, 2)) / 4
        cloud[:, ::step, half::step] = along + roughness * noise[:, ::step, half::step]
        down = (middle + middle.roll(1, 2) + corners + corners.roll(-1, 1)) / 4
        cloud[:, half::step, ::step] = down + roughness * noise[:, half::step, ::step]
        step, roughness = half, roughness / decay**2
    cloud = cloud - cloud.amin(dim=(1, 2), keepdim=True)
    cloud = cloud / cloud.amax(dim=(1, 2), keepdim=True)
    return cloud[:, None, :height, :width]


def frost(images: Tensor, draws: Draws, kept: float, added: float) -> Tensor:
    """Ice on a window: a share of the image and a share of ice.

    The published corruption takes one of a few photographs of frost. This one makes its own, in a bluish white: ridges
    of smooth noise, finer ones on coarser ones (a ridged multifractal, Musgrave 1994), thick where a plasma fractal is
    high.
    """
    ice = frosting(draws, *images.shape[2:])
    if images.shape[1] == 3:
        tint = images.new_tensor(_ICE).reshape(1, 3, 1, 1)
        # Thick ice is white, thin ice takes on its tint.
        ice = ice * (tint + (1 - tint) * ice)
    return kept * images + added * ice


def frosting(draws: Draws, height: int, width: int) -> Tensor:
    """The amount of ice at every pixel, in [0, 1], `[n, 1, height, width]`."""
    where = plasma(draws, height, width, 1.6, "where")
    crystals, weight, total = torch.zeros_like(where), torch.ones_like(where), 0.0
    cells, amplitude = 3, 1.0
    while cells == 3 or 2 * cells <= max(height, width):
        lattice = draws.normal(1, cells + 2, cells + 2, name=f"cells {cells}")
        smooth = functional.interpolate(lattice, size=(height, width), mode="bicubic", align_corners=False)
        # A ridge where the noise changes its sign; finer crystals grow on the coarser ones.
        ridge = (1 - smooth.abs().clamp(max=1)) ** 2
        crystals = crystals + amplitude * weight * ridge
        weight = (0.3 + ridge).clamp(max=1)
        total, amplitude, cells = total + amplitude, 0.75 * amplitude, 2 * cells
    grown = 1.8 * crystals / total * (0.35 + where)
    return (0.08 + 0.27 * where + grown).clamp(0, 1)
