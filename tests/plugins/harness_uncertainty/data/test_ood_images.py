"""Images of something else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.api import Examples, InvalidOutput
from harness_uncertainty.data.ood_images import letters, noise_images, textures
from harness_vision.digits import digits

Maker = Callable[..., Examples]


def colour(box: tuple[float, float] = (-1.0, 1.0)) -> Examples:
    inputs = np.random.default_rng(0).uniform(*box, (5, 3, 12, 16)).astype(np.float32)
    return Examples([str(i) for i in range(5)], {"inputs": inputs}, facts={"box": list(box)})


@pytest.mark.parametrize("make", [noise_images, textures, letters])
def test_they_look_like_the_data_but_for_their_content(make: Maker) -> None:
    found = make(digits(), n=30)
    inputs = found.columns["inputs"]
    assert (inputs.shape, inputs.dtype, len(set(found.ids))) == ((30, 1, 8, 8), np.float32, 30)
    assert np.allclose(inputs * 16, np.round(inputs * 16)), "the grey levels of the digits"
    assert (inputs.min(), inputs.max()) == (0.0, 1.0)
    assert found.facts == digits().facts
    assert "labels" not in found.columns
    assert np.array_equal(make(digits(), n=30).columns["inputs"], inputs)
    assert not np.array_equal(make(digits(), n=30, draw=1).columns["inputs"], inputs)
    other = make(colour(), n=4).columns["inputs"]
    assert other.shape == (4, 3, 12, 16)
    assert other.min() >= -1.0
    assert other.min() < -0.3 < 0.3 < other.max() <= 1.0


def test_kinds_of_noise() -> None:
    uniform, gaussian, shuffled = (
        noise_images(colour((0.0, 1.0)), kind=kind, n=200).columns["inputs"]  # type: ignore[arg-type]
        for kind in ("uniform", "gaussian", "shuffled")
    )
    assert uniform.std() == pytest.approx(1 / np.sqrt(12), abs=0.005)
    assert gaussian.std() == pytest.approx(0.24, abs=0.01)
    pixels = colour((0.0, 1.0)).columns["inputs"].reshape(5, 3, -1)
    originals = {np.sort(image[0]).tobytes(): image for image in pixels}
    for image in shuffled.reshape(200, 3, -1):
        original = originals[np.sort(image[0]).tobytes()]
        order = [int(np.flatnonzero(original[0] == value)[0]) for value in image[0]]
        assert np.array_equal(original[:, order], image), "channels move together"


def test_letters_are_no_digits() -> None:
    """Neither I nor O, and a letter is upright: the left half of an L is brighter than the right one."""
    found = letters(colour((0.0, 1.0)), n=60).columns["inputs"]
    assert found[:, 0].mean(axis=(1, 2)).std() > 0.02
    assert found.max(axis=(1, 2, 3)).min() > 0.8, "bright on dark"
    assert np.median(found) < 0.5


def test_what_is_no_image_cannot_be_imitated() -> None:
    with pytest.raises(InvalidOutput, match="must be a dataset of images"):
        textures(Examples(["a"], {"inputs": np.zeros((1, 5), np.float32)}))
