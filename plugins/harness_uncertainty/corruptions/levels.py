"""The strength of corruptions: the published parameters at 32 and at 224 pixels, and their scaling to other sizes.

The parameters at 224 are those of ImageNet-C, at 32 those of CIFAR-10-C (Hendrycks & Dietterich 2019, and the code that
made their data). In between they are interpolated over the logarithm of the shorter side. Above 224, lengths in pixels
grow with the side and all else stays. Between 8 and 32 they lead from CIFAR-10-C's to ours for 8 pixels, chosen so that
every severity changes more of a handwritten digit than the one below; below 8 they stay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Level = tuple[float, ...]
Levels = tuple[Level, Level, Level, Level, Level]

TINY, SMALL, LARGE = 8, 32, 224


@dataclass(frozen=True)
class Strength:
    """The parameters of one kind of corruption, a tuple for each severity.

    Attributes:
        large: at 224 pixels.
        small: at 32 pixels.
        tiny: at 8 pixels.
        lengths: which of them are lengths in pixels.
    """

    large: Levels
    small: Levels
    tiny: Levels
    lengths: frozenset[int] = frozenset()

    def at(self, side: int, severity: int) -> Level:
        """The parameters for images whose shorter side has this many pixels."""
        tiny, small, large = (levels[severity - 1] for levels in (self.tiny, self.small, self.large))
        if side > LARGE:
            grown = side / LARGE
            return tuple(value * grown if i in self.lengths else value for i, value in enumerate(large))
        if side >= SMALL:
            return _between(small, large, math.log(side / SMALL) / math.log(LARGE / SMALL))
        return _between(tiny, small, math.log(max(side, TINY) / TINY) / math.log(SMALL / TINY))


def _between(low: Level, high: Level, share: float) -> Level:
    # Exact at both ends, where the parameters are those published.
    if share in (0.0, 1.0):
        return high if share else low
    return tuple(a + share * (b - a) for a, b in zip(low, high, strict=True))


def _single(*values: float) -> Levels:
    one, two, three, four, five = ((value,) for value in values)
    return one, two, three, four, five


STRENGTHS: dict[str, Strength] = {
    # Standard deviation.
    "gaussian_noise": Strength(
        _single(0.08, 0.12, 0.18, 0.26, 0.38),
        _single(0.04, 0.06, 0.08, 0.09, 0.10),
        _single(0.08, 0.14, 0.20, 0.28, 0.38),
    ),
    # Photons that a pixel of full brightness sends.
    "shot_noise": Strength(
        _single(60, 25, 12, 5, 3),
        _single(500, 250, 100, 75, 50),
        _single(60, 25, 12, 5, 3),
    ),
    # Share of the values that are replaced.
    "impulse_noise": Strength(
        _single(0.03, 0.06, 0.09, 0.17, 0.27),
        _single(0.01, 0.02, 0.03, 0.05, 0.07),
        _single(0.03, 0.06, 0.09, 0.17, 0.27),
    ),
    # Radius of the disk, and standard deviation of the Gaussian that softens its edge.
    "defocus_blur": Strength(
        ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        lengths=frozenset({0, 1}),
    ),
    # Standard deviation of the blur before and after, reach of a swap, passes of swaps.
    "glass_blur": Strength(
        ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
        ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
        ((0.05, 1, 1), (0.3, 1, 1), (0.4, 1, 1), (0.4, 1, 2), (0.5, 1, 2)),
        lengths=frozenset({0, 1}),
    ),
    # Radius of the window and standard deviation of the trail.
    "motion_blur": Strength(
        ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
        ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
        ((2, 0.6), (2, 0.8), (3, 1), (3, 1.5), (4, 2)),
        lengths=frozenset({0, 1}),
    ),
    # The last magnification beyond 1, and the step between two.
    "zoom_blur": Strength(
        ((0.10, 0.01), (0.15, 0.01), (0.20, 0.02), (0.24, 0.02), (0.30, 0.03)),
        ((0.05, 0.01), (0.10, 0.01), (0.15, 0.01), (0.20, 0.01), (0.25, 0.01)),
        ((0.20, 0.02), (0.30, 0.02), (0.40, 0.04), (0.50, 0.04), (0.60, 0.05)),
    ),
    # Mean and deviation of the flakes' noise, magnification, threshold, radius and deviation of their trails, and how
    # much of the colours is left.
    "snow": Strength(
        (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
        (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
        (
            (0.0, 0.3, 1, 0.6, 2, 0.7, 0.95),
            (0.0, 0.3, 1, 0.5, 2, 0.7, 0.9),
            (0.05, 0.3, 1, 0.5, 2, 0.7, 0.85),
            (0.1, 0.3, 1, 0.5, 2, 0.7, 0.8),
            (0.2, 0.3, 1, 0.5, 2, 0.7, 0.75),
        ),
        lengths=frozenset({4, 5}),
    ),
    # What is left of the image, and how much of the frost is added.
    "frost": Strength(
        ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
        ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
        ((1, 0.2), (1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.6, 0.75)),
    ),
    # How thick, and by what the plasma's roughness falls from one scale to the next.
    "fog": Strength(
        ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
        ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
        ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
    ),
    # Added to the value of hue, saturation and value.
    "brightness": Strength(
        _single(0.1, 0.2, 0.3, 0.4, 0.5),
        _single(0.05, 0.1, 0.15, 0.2, 0.3),
        _single(0.15, 0.25, 0.35, 0.45, 0.55),
    ),
    # What is left of the distance from the mean.
    "contrast": Strength(
        _single(0.4, 0.3, 0.2, 0.1, 0.05),
        _single(0.75, 0.5, 0.4, 0.3, 0.15),
        _single(0.6, 0.45, 0.3, 0.2, 0.1),
    ),
    # Length and standard deviation of the local shifts, and the reach of the corners' shifts, all as shares of the
    # side. The published code takes 244 for 224.
    "elastic_transform": Strength(
        (
            (2 * 244 / 224, 0.7 * 244 / 224, 0.1 * 244 / 224),
            (2 * 244 / 224, 0.08 * 244 / 224, 0.2 * 244 / 224),
            (0.05 * 244 / 224, 0.01 * 244 / 224, 0.02 * 244 / 224),
            (0.07 * 244 / 224, 0.01 * 244 / 224, 0.02 * 244 / 224),
            (0.12 * 244 / 224, 0.01 * 244 / 224, 0.02 * 244 / 224),
        ),
        ((0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)),
        ((0, 0, 0.04), (0.05, 0.1, 0.06), (0.1, 0.1, 0.08), (0.15, 0.1, 0.1), (0.2, 0.1, 0.12)),
    ),
    # Share of the side's pixels that are left.
    "pixelate": Strength(
        _single(0.6, 0.5, 0.4, 0.3, 0.25),
        _single(0.95, 0.9, 0.85, 0.75, 0.65),
        _single(7 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8),
    ),
    # Quality.
    "jpeg_compression": Strength(
        _single(25, 18, 15, 10, 7),
        _single(80, 65, 58, 50, 40),
        _single(25, 18, 15, 10, 7),
    ),
}
