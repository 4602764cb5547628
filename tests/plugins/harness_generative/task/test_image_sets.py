"""Images as generation needs them: checked when they enter, compared by content, rounded as the data are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.api import Examples, InvalidOutput
from harness_generative.task import image_sets, pixel_neighbours
from harness_generative.task.image_sets import (
    ImageSet,
    check_disjoint,
    check_shape,
    check_unseen,
    checked_samples,
    stored_samples,
)
from harness_generative.task.pixel_neighbours import nearest_images


def data(inputs: Any, **facts: Any) -> Examples:
    return Examples([f"e{i}" for i in range(len(inputs))], {"inputs": inputs}, facts=facts)


def images(*greys: float, shape: tuple[int, ...] = (1, 2, 2), **facts: Any) -> ImageSet:
    """An image of one grey for each number."""
    inputs = np.stack([np.full(shape, grey, dtype=np.float32) for grey in greys])
    return ImageSet.of(data(inputs, **facts), "the reference data")


def test_pixels_hashes_and_digest() -> None:
    found = images(0.25, 0.5, 0.25)
    assert found.held is not None
    assert found.held.flatten(1).tolist() == [[0.25] * 4, [0.5] * 4, [0.25] * 4]
    assert found.hashes[0] == found.hashes[2] != found.hashes[1]
    assert found.hashes[1] == hashlib.sha256(np.full(4, 0.5, dtype=np.float32).tobytes()).digest()
    assert found.digest == images(0.25, 0.5, 0.25).digest
    # The order counts.
    assert found.digest != images(0.5, 0.25, 0.25).digest


class Counted:
    """Images that say how often, and how many at a time, they were read."""

    def __init__(self, n: int) -> None:
        self.ids = [f"e{i}" for i in range(n)]
        self.groups = {"half": [i % 2 for i in range(n)]}
        self.facts: dict[str, Any] = {"classes": ["a", "b"]}
        self.pixels = np.random.default_rng(0).random((n, 1, 4, 5), dtype=np.float32)
        self.reads: list[int] = []

    def take(self, indices: Sequence[int]) -> dict[str, Any]:
        self.reads.append(len(indices))
        rows = list(indices)
        return {"inputs": self.pixels[rows], "labels": np.array(rows) % 2, "prompts": [f"p{i}" for i in rows]}


def test_many_images_are_read_again_and_few_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = Counted(300), Counted(300)
    held = ImageSet.of(few, "the reference data")
    monkeypatch.setattr(image_sets, "HELD_BYTES", 299 * 80)
    anew = ImageSet.of(many, "the reference data")
    assert held.held is not None
    assert anew.held is None
    assert few.reads == many.reads == [256, 44]
    for images in (held, anew):
        assert torch.equal(torch.cat(list(images.windows(7))), torch.from_numpy(few.pixels))
        assert torch.equal(images.at([5, 2]), torch.from_numpy(few.pixels[[5, 2]]))
        assert torch.equal(images.first, torch.from_numpy(few.pixels[:64]))
        assert images.largest == few.pixels.max()
        assert images.digest == held.digest
    assert sum(few.reads) == 300
    assert max(many.reads[2:]) == 7


def test_what_is_told_of_images_is_not_read_with_their_pixels() -> None:
    data = Counted(130)
    told = ImageSet.of(data, "the reference data").told
    reads = len(data.reads)
    columns = told.take([129, 3, 129])
    assert columns["labels"].tolist() == [1, 1, 1]
    assert columns["prompts"] == ["p129", "p3", "p129"]
    assert columns["inputs"].shape == (3, 0)
    assert (list(told.ids), told.groups, told.facts) == (data.ids, data.groups, data.facts)
    assert len(data.reads) == reads


def test_nearest_images_in_parts_are_those_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Counted(60)
    data.pixels[50] = data.pixels[3]
    samples = torch.cat([torch.from_numpy(data.pixels[[3, 9]]), torch.rand(4, 1, 4, 5)])
    whole = nearest_images(samples, ImageSet.of(data, "the training data"), 2)
    for module in (image_sets, pixel_neighbours):
        monkeypatch.setattr(module, "HELD_BYTES", 7 * 80)
    parts = nearest_images(samples, ImageSet.of(data, "the training data"), 2)
    assert np.array_equal(whole[0], parts[0])
    assert np.array_equal(whole[1], parts[1])
    assert parts[1][0].tolist() == [3, 50]
    assert parts[0][0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("inputs", "facts", "told"),
    [
        (np.full((1, 2), 1.5), {}, r"reach from 1.5 to 1.5, outside the box \[0, 1\]"),
        (np.full((1, 2), -1.5), {"box": [-1.0, 1.0]}, r"reach from -1.5 to -1.5, outside the box \[-1, 1\]"),
        (np.full((1, 2), np.nan), {}, r"must be finite floating point numbers within \[0, 1\]"),
        (np.ones((1, 2), dtype=np.uint8), {}, "must be finite floating point numbers"),
    ],
)
def test_data_are_checked(inputs: Any, facts: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        ImageSet.of(data(inputs, **facts), "the training data")


def test_data_without_images_say_so() -> None:
    with pytest.raises(InvalidOutput, match="the training data lack the column 'inputs'"):
        ImageSet.of(Examples(["a"], {"text": ["x"]}), "the training data")


def test_a_reference_that_was_trained_on_is_refused_beyond_what_is_allowed() -> None:
    reference, train = images(0.1, 0.2, 0.3, 0.4), images(0.9, 0.3, 0.2)
    with pytest.raises(InvalidOutput, match=r"2 of 4 reference examples are among the reference data, first 'e1'"):
        check_disjoint(reference, train, 0.49)
    check_disjoint(reference, train, 0.5)
    with pytest.raises(InvalidOutput, match=r"have shape \[1, 2, 2\], the training data \[1, 2, 3\]"):
        check_disjoint(reference, images(0.1, shape=(1, 2, 3)), 1.0)


def test_what_an_instrument_was_trained_on_is_looked_at_too() -> None:
    reference = images(0.1, 0.2)
    fitted_to = {
        "extractor words": Examples(["a"], {"text": ["x"]}),
        "extractor large": images(0.1, shape=(3, 8, 8)).data,
        "model judge": images(0.7, 0.2).data,
    }
    with pytest.raises(InvalidOutput, match="1 of 2 reference examples are among the training data of model judge"):
        check_unseen(reference, fitted_to, 0.0)
    check_unseen(reference, fitted_to, 0.5)


def samples(*greys: float) -> Tensor:
    return torch.stack([torch.full((1, 2, 2), grey) for grey in greys])


def test_samples_a_thousandth_outside_are_clipped_and_no_more() -> None:
    found = checked_samples(samples(-0.0009, 0.5, 1.0009), {})
    assert found[:, 0, 0, 0].tolist() == [0.0, 0.5, 1.0]
    for grey in (-0.0011, 1.0011):
        with pytest.raises(InvalidOutput, match=r"samples reach from .* outside the box \[0, 1\] of the data"):
            checked_samples(samples(0.5, grey), {})
    # A box of twice the width allows twice as much.
    assert checked_samples(samples(-1.0019), {"box": [-1.0, 1.0]})[0, 0, 0, 0] == -1


def test_samples_have_the_grey_levels_of_the_data() -> None:
    """Five levels between 0 and 1 are quarters; between -1 and 1 halves."""
    found = checked_samples(samples(0.1, 0.13, 0.6, 1.0), {"levels": 5})
    assert found[:, 0, 0, 0].tolist() == [0.0, 0.25, 0.5, 1.0]
    found = checked_samples(samples(-0.7, 0.3), {"levels": 5, "box": [-1.0, 1.0]})
    assert found[:, 0, 0, 0].tolist() == [-0.5, 0.5]


def test_samples_of_another_shape_or_not_finite_are_refused() -> None:
    with pytest.raises(
        InvalidOutput,
        match=r"samples have shape \[1, 2, 2\] \(such as a.png\), the reference data \[1, 2, 3\] \(such as e0",
    ):
        check_shape(samples(0.1), images(0.1, shape=(1, 2, 3)), "a.png")
    with pytest.raises(InvalidOutput, match="1 of 3 samples are not finite, first sample-00001"):
        checked_samples(samples(0.1, float("nan"), 0.2), {})


def test_images_of_256_levels_are_stored_as_bytes_and_come_back() -> None:
    greys = torch.arange(256).reshape(256, 1, 1, 1) / 255
    stored = stored_samples(greys, {"levels": 256})
    assert stored.dtype == np.uint8
    assert stored.flatten().tolist() == list(range(256))
    for facts in ({"levels": 17}, {}, {"levels": 256, "box": [-1.0, 1.0]}):
        assert stored_samples(greys, facts).dtype == np.float32


def test_training_data_are_read_a_few_at_a_time() -> None:
    sizes: list[int] = []

    class Read(Examples):
        def take(self, indices: Any) -> Any:
            sizes.append(len(indices))
            return super().take(indices)

    greys = np.linspace(0, 1, 600, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 2, 2), np.float32)
    train = Read([f"t{i}" for i in range(600)], {"inputs": greys})
    # The last but one is the only one of the reference that is among them.
    reference = images(0.123456, float(greys[598, 0, 0, 0]))
    with pytest.raises(InvalidOutput, match=r"1 of 2 reference examples are among the training data of model m"):
        check_unseen(reference, {"model m": train}, 0.0)
    assert sizes == [1, 256, 256, 88]
