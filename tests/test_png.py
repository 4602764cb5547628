"""Arrays as pictures: values worked out by hand, files read back by an independent library."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from harness.png import data_uri, pixels, png, read_png


def test_grey_values_run_from_black_to_white_over_the_box() -> None:
    image = np.array([[[0.0, 0.5], [1.0, 2.0]]])
    assert pixels(image, 0.0, 1.0).tolist() == [[0, 128], [255, 255]]
    assert pixels(image * 2 - 1, -1.0, 1.0).tolist() == [[0, 128], [255, 255]]


def test_colours_keep_their_channels() -> None:
    image = np.zeros((3, 2, 2), dtype=np.float32)
    image[0, 0, 0] = image[2, 1, 1] = 1.0
    assert pixels(image, 0.0, 1.0).tolist() == [[[255, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 255]]]


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_a_png_is_read_back_as_it_was(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    read = imread(io.BytesIO(png(picture)), format="png")
    assert np.rint(read * 255).astype(np.uint8).tolist() == picture.tolist()


def test_a_data_uri_holds_the_file() -> None:
    head, _, body = data_uri(b"\x89PNG...").partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == b"\x89PNG..."


def test_only_png_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "right.png").write_bytes(png(np.zeros((2, 2), np.uint8)))
    (tmp_path / "wrong.png").write_text("<script>alert(1)</script>")
    assert (read_png(tmp_path / "right.png") or b"").startswith(b"\x89PNG")
    assert read_png(tmp_path / "wrong.png") is None
    assert read_png(tmp_path / "absent.png") is None
