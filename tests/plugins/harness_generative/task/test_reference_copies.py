"""Samples that are the reference itself, in whatever order and after whatever rounding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from harness.api import Examples, Status
from harness.testing import run_suite
from harness_generative.models.given_samples import FromSamples
from harness_generative.task.image_sets import ImageSet
from harness_generative.task.reference_copies import copy_doubts
from harness_generative.task.sample_scale import loss_doubts

RNG = np.random.default_rng(0)
FLOATS = RNG.random((200, 1, 6, 6), dtype=np.float32)
OTHERS = RNG.random((200, 1, 6, 6), dtype=np.float32)


def images(pixels: npt.NDArray[np.float32], name: str = "the reference data") -> ImageSet:
    return ImageSet.of(Examples([str(i) for i in range(len(pixels))], {"inputs": pixels}), name)


def doubt(samples: npt.NDArray[np.float32], reference: npt.NDArray[np.float32] = FLOATS, **facts: object) -> str:
    return " ".join(copy_doubts(torch.tensor(samples), images(reference), None, facts))


@pytest.mark.parametrize(
    "encoded",
    [
        lambda x: x,
        lambda x: x[::-1].copy(),
        lambda x: (x * 255).round() / np.float32(255),
        lambda x: (x * 255).astype(np.uint8) / np.float32(255),
    ],
    ids=["as they are", "shuffled", "rounded to bytes", "cut off to bytes"],
)
def test_a_copy_is_noticed(encoded: object) -> None:
    found = doubt(encoded(FLOATS))  # type: ignore[operator]
    assert "samples are reference examples: 200 of 200 samples are among the 200 that they are compared with" in found


@pytest.mark.parametrize(("share", "noticed"), [(0.5, True), (0.05, True), (0.015, True), (0.005, False), (0.0, False)])
def test_a_share_of_copies_is_noticed(share: float, noticed: bool) -> None:
    """One sample of 200 may be chance; three are not."""
    count = int(share * 200)
    found = doubt(np.concatenate([FLOATS[:count], OTHERS[count:]]))
    assert bool(found) is noticed
    assert not noticed or f": {count} of 200 samples" in found


def test_a_box_of_its_own() -> None:
    reference = images(FLOATS)
    assert reference.held is not None
    reference.held = 2 * reference.held - 1
    assert copy_doubts(2 * torch.tensor(FLOATS) - 1, reference, None, {"box": [-1.0, 1.0]})
    assert not copy_doubts(2 * torch.tensor(OTHERS) - 1, reference, None, {"box": [-1.0, 1.0]})


def test_few_numbers_agree_by_chance_in_eight_bits_and_are_compared_exactly() -> None:
    points, more = RNG.random((2, 3000, 2), dtype=np.float32)
    assert not doubt(more, points)
    assert doubt(points, points)


def test_data_in_which_equal_examples_are_usual() -> None:
    """Of 5x4 pictures of 3 letters real examples are equal too; nothing follows from that of samples."""
    letters = RNG.integers(0, 2, (3, 1, 5, 4)).astype(np.float32)
    drawn = [letters[RNG.integers(0, 3, 100)] for _ in range(3)]
    reference, train = images(drawn[0]), images(drawn[1], "the training data")
    assert not copy_doubts(torch.tensor(drawn[2]), reference, train, {})


def test_a_row_of_copies_is_suspect(tmp_path: Path) -> None:
    """Digits of 17 grey levels as PNG files of 256, which no longer hold the same numbers."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number, image in enumerate(load_digits().images[:40]):
        Image.fromarray((image / 16 * 255).astype(np.uint8)).save(folder / f"{number:02}.png")
    suite = f"""
suite: copies
task: {{use: generate, with: {{features: [random_conv], n: 40}}}}
data: {{use: digits, with: {{split: SPLIT}}}}
models: [{{use: from_samples, with: {{path: {folder}}}}}]
samplers: [one_shot]
metrics: [fid_proxy]
"""
    rows = [run_suite(suite.replace("SPLIT", split), tmp_path / split).rows[0] for split in ("held_out", "train")]
    # The first forty of the file are spread over both splits.
    counts = [int(row.reason.split(": ")[1].split()[0]) for row in rows]
    assert [row.status for row in rows] == [Status.SUSPECT, Status.SUSPECT]
    assert sum(counts) == 40


def test_jpeg_samples_are_doubted(tmp_path: Path) -> None:
    for number in range(4):
        Image.fromarray((255 * FLOATS[number, 0]).astype(np.uint8)).save(
            tmp_path / f"{number}.{'jpg' if number else 'png'}"
        )
    (found,) = loss_doubts(FromSamples(tmp_path), 4)
    assert found.startswith("samples stored as JPEG: 3 of 4; ")
    assert loss_doubts(FromSamples(tmp_path), 1) == loss_doubts(object(), 4) == ()
