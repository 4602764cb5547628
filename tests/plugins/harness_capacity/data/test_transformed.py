"""Images turned and scaled."""

from __future__ import annotations

import numpy as np
import pytest

from harness.api import Examples, InvalidOutput
from harness_capacity.data.transformed import Transformed, turned_and_scaled

IMAGES = np.random.default_rng(0).random((3, 2, 7, 7))


@pytest.mark.parametrize(("quarters", "degrees"), [(0, 0), (1, 90), (2, 180), (3, 270), (3, -90), (0, 360)])
def test_quarter_turns_are_those_of_numpy(quarters: int, degrees: float) -> None:
    wanted = np.rot90(IMAGES, quarters, axes=(2, 3))
    np.testing.assert_allclose(turned_and_scaled(IMAGES, degrees, 1.0, 0.0), wanted, rtol=0, atol=1e-12)


def test_a_turn_is_taken_back() -> None:
    """Of what is smooth and far from the edges, where interpolation loses little."""
    across = np.linspace(-1, 1, 81)
    blob = np.exp(-20 * ((across[:, None] - 0.4) ** 2 + (across[None, :] + 0.3) ** 2))[None, None]
    there = turned_and_scaled(blob, 33.0, 1.0, 0.0)
    assert np.abs(there - blob).max() > 0.3
    np.testing.assert_allclose(turned_and_scaled(there, -33.0, 1.0, 0.0), blob, rtol=0, atol=0.02)


def test_an_enlargement_by_hand() -> None:
    """A cross of five pixels, twice as large: the middle stays, its arms reach twice as far."""
    image = np.zeros((1, 1, 5, 5))
    image[0, 0, 2, 1:4] = 1.0
    twice = turned_and_scaled(image, 0.0, 2.0, 0.0)[0, 0]
    np.testing.assert_allclose(twice[2], [1.0, 1.0, 1.0, 1.0, 1.0])
    np.testing.assert_allclose(twice[1], [0.5, 0.5, 0.5, 0.5, 0.5])
    half = turned_and_scaled(image, 0.0, 0.5, -1.0)[0, 0]
    np.testing.assert_allclose(half[2], [-1.0, 0.0, 1.0, 0.0, -1.0])


def test_the_dataset_keeps_all_but_the_inputs() -> None:
    data = Examples(["a", "b", "c"], {"inputs": IMAGES, "labels": [0, 1, 2]}, {"g": ["x", "y", "x"]}, {"box": (0, 1)})
    turned = Transformed(data, degrees=90)
    taken = turned.take([2, 0])
    np.testing.assert_allclose(taken["inputs"], np.rot90(IMAGES[[2, 0]], 1, axes=(2, 3)), atol=1e-12)
    assert (taken["labels"], turned.ids, turned.groups, turned.facts) == ([2, 0], data.ids, data.groups, data.facts)


def test_what_is_no_image_is_refused() -> None:
    data = Examples(["a"], {"inputs": np.zeros((1, 4))})
    with pytest.raises(InvalidOutput, match=r"transformed turns images \[n, C, H, W\]; the inputs are \[1, 4\]"):
        Transformed(data, degrees=10).take([0])
