"""Arrays as pictures: values worked out by hand, files read back by an independent library."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from harness.results.report.images import data_uri, difference_pixels, is_images, pixels, png, read_png


def test_grey_values_run_from_black_to_white_over_the_box() -> None:
    image = np.array([[[0.0, 0.5], [1.0, 2.0]]])
    assert pixels(image, 0.0, 1.0).tolist() == [[0, 128], [255, 255]]
    assert pixels(image * 2 - 1, -1.0, 1.0).tolist() == [[0, 128], [255, 255]]


def test_colours_keep_their_channels() -> None:
    image = np.zeros((3, 2, 2), dtype=np.float32)
    image[0, 0, 0] = image[2, 1, 1] = 1.0
    assert pixels(image, 0.0, 1.0).tolist() == [[[255, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 255]]]


def test_the_largest_change_has_the_full_colour() -> None:
    picture, largest = difference_pixels(np.array([[[0.0, 0.2], [-0.2, 0.1]]]))
    assert largest == 0.2
    assert picture[0, 0].tolist() == [247, 247, 247]
    assert picture[0, 1].tolist() == [178, 24, 43]
    assert picture[1, 0].tolist() == [33, 102, 172]
    # Half way between white and red: (247 + 178) / 2, (247 + 24) / 2, (247 + 43) / 2.
    assert picture[1, 1].tolist() == [212, 136, 145]


def test_of_several_channels_the_strongest_change_shows() -> None:
    """Their mean would be 0 here and the change invisible."""
    difference = np.array([0.1, -0.3, 0.2]).reshape(3, 1, 1) * np.ones((3, 2, 2))
    picture, largest = difference_pixels(difference)
    assert largest == pytest.approx(0.3)
    assert picture[0, 0].tolist() == [33, 102, 172]


def test_no_change_is_white_and_no_division_by_zero() -> None:
    picture, largest = difference_pixels(np.zeros((1, 2, 2)))
    assert largest == 0.0
    assert (picture == 247).all()


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_a_png_is_read_back_as_it_was(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    read = imread(io.BytesIO(png(picture)), format="png")
    assert np.rint(read * 255).astype(np.uint8).tolist() == picture.tolist()


def test_a_data_uri_holds_the_file() -> None:
    head, _, body = data_uri(b"\x89PNG...").partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == b"\x89PNG..."


@pytest.mark.parametrize(
    ("array", "is_picture"),
    [
        (np.zeros((2, 1, 8, 8), np.float32), True),
        (np.zeros((2, 3, 8, 8), np.float64), True),
        (np.zeros((2, 2, 8, 8)), False),
        (np.zeros((2, 8, 8)), False),
        (np.zeros((2, 64)), False),
        (np.zeros((2, 1, 1, 64)), False),
        (np.zeros((2, 1, 8, 8), np.int64), False),
        (np.full((2, 1, 8, 8), np.nan), False),
    ],
)
def test_what_counts_as_pictures(array: np.ndarray, is_picture: bool) -> None:
    assert is_images(array) is is_picture


def test_only_png_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "right.png").write_bytes(png(np.zeros((2, 2), np.uint8)))
    (tmp_path / "wrong.png").write_text("<script>alert(1)</script>")
    assert (read_png(tmp_path / "right.png") or b"").startswith(b"\x89PNG")
    assert read_png(tmp_path / "wrong.png") is None
    assert read_png(tmp_path / "absent.png") is None
