"""Parameters of corruptions: the published ones at 32 and 224 pixels, and sensible ones elsewhere."""

from __future__ import annotations

import pytest

from harness_uncertainty.corruptions.levels import STRENGTHS
from harness_uncertainty.data.corruptions import PUBLISHED_KINDS


def test_every_published_kind_has_its_strengths() -> None:
    assert set(STRENGTHS) == set(PUBLISHED_KINDS)
    assert len(PUBLISHED_KINDS) == 15


@pytest.mark.parametrize(
    ("kind", "severity", "small", "large"),
    [
        ("gaussian_noise", 5, (0.10,), (0.38,)),
        ("shot_noise", 1, (500,), (60,)),
        ("impulse_noise", 4, (0.05,), (0.17,)),
        ("defocus_blur", 4, (1, 0.2), (8, 0.5)),
        ("glass_blur", 3, (0.4, 1, 1), (1, 2, 3)),
        ("motion_blur", 5, (9, 2.5), (20, 15)),
        ("snow", 2, (0.1, 0.2, 1, 0.5, 10, 4, 0.9), (0.2, 0.3, 2, 0.5, 12, 4, 0.7)),
        ("frost", 5, (0.75, 0.45), (0.6, 0.75)),
        ("fog", 3, (0.75, 2.5), (2.5, 1.7)),
        ("brightness", 2, (0.1,), (0.2,)),
        ("contrast", 5, (0.15,), (0.05,)),
        ("pixelate", 3, (0.85,), (0.4,)),
        ("jpeg_compression", 5, (40,), (7,)),
    ],
)
def test_published_parameters(kind: str, severity: int, small: tuple[float, ...], large: tuple[float, ...]) -> None:
    assert STRENGTHS[kind].at(32, severity) == small
    assert STRENGTHS[kind].at(224, severity) == large


def test_in_between_parameters_are_in_between_and_lengths_grow() -> None:
    blur = STRENGTHS["defocus_blur"]
    assert blur.at(32, 1)[0] < blur.at(64, 1)[0] < blur.at(128, 1)[0] < blur.at(224, 1)[0]
    assert blur.at(448, 1) == (6, 0.2)
    assert STRENGTHS["gaussian_noise"].at(448, 1) == (0.08,)
    assert STRENGTHS["gaussian_noise"].at(16, 1)[0] == pytest.approx(0.06)
    assert blur.at(4, 3) == blur.at(8, 3)
