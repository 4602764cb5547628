"""Samples from files and datasets: every format gives the same numbers, every mistake is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from harness.api import Context, Examples, HarnessError, InvalidOutput, MissingData, NotApplicable, OneShot
from harness_generative.models.given_samples import CopyOf, FromSamples
from harness_vision.digits import digits

COLOUR = np.random.default_rng(0).integers(0, 256, (5, 6, 4, 3), dtype=np.uint8)
EXPECTED = torch.from_numpy(COLOUR.transpose(0, 3, 1, 2) / np.float32(255))


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("array", "layout"),
    [
        (COLOUR, "auto"),
        (COLOUR, "nhwc"),
        (COLOUR.transpose(0, 3, 1, 2), "auto"),
        (COLOUR.transpose(0, 3, 1, 2), "nchw"),
        (COLOUR / np.float32(255), "auto"),
        (COLOUR / 255, "auto"),
        (COLOUR.astype(np.int64), "auto"),
    ],
)
@pytest.mark.parametrize("key", ["samples", "arr_0", "npy"])
def test_every_layout_and_type_of_an_array(tmp_path: Path, array: Any, layout: Any, key: str) -> None:
    if key == "npy":
        np.save(tmp_path / "a.npy", array)
        model = FromSamples(tmp_path / "a.npy", layout)
    else:
        model = FromSamples(saved(tmp_path / "a.npz", **{key: array}), layout)
    samples = model.given([3, 0, 3])
    assert len(model) == 5
    assert samples.dtype == torch.float32
    assert torch.allclose(samples, EXPECTED[[3, 0, 3]], atol=1e-7)


def test_grey_images_with_seventeen_levels(tmp_path: Path) -> None:
    grey = np.arange(2 * 3 * 3).reshape(2, 3, 3) % 17
    samples = FromSamples(saved(tmp_path / "a.npz", samples=grey), levels=17).given([0, 1])
    assert samples.shape == (2, 1, 3, 3)
    assert torch.equal(samples[:, 0] * 16, torch.from_numpy(grey).float())


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_folder_of_images_in_the_order_of_their_names(tmp_path: Path, ending: str) -> None:
    flat = np.broadcast_to(np.array([10, 200, 90], np.uint8)[:, None, None, None], (3, 8, 8, 3))
    for name, image in zip("bca", flat, strict=True):
        Image.fromarray(np.ascontiguousarray(image)).save(tmp_path / f"{name}.{ending}")
    (tmp_path / "notes.txt").write_text("no image")
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / ".thumbnail.png")
    model = FromSamples(tmp_path)
    assert len(model) == 3
    assert (model.given([0, 1, 2]) * 255).round().amax((1, 2, 3)).tolist() == [90, 10, 200]
    assert model.given([1]).shape == (1, 3, 8, 8)
    assert model.given_conditions([0]) is None


@pytest.mark.parametrize(
    ("mode", "values", "channels"), [("L", [0, 51, 255], 1), ("I;16", [0, 13107, 65535], 1), ("1", [0, 1, 1], 1)]
)
def test_grey_images_keep_one_channel(tmp_path: Path, mode: str, values: list[int], channels: int) -> None:
    pixels = np.array([values], {"L": np.uint8, "I;16": np.uint16, "1": bool}[mode])
    Image.fromarray(pixels).save(tmp_path / "a.png")
    samples = FromSamples(tmp_path, white=65535.0 if mode == "I;16" else None).given([0])
    assert samples.shape == (1, channels, 1, 3)
    assert samples.flatten().tolist() == pytest.approx([0, 1.0 if mode == "1" else 0.2, 1.0])


def test_opaque_alpha_is_dropped_and_transparency_refused(tmp_path: Path) -> None:
    pixels = np.full((2, 2, 4), 255, np.uint8)
    pixels[..., 0] = 51
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert FromSamples(tmp_path, mode="rgb").given([0])[0, :, 0, 0].tolist() == pytest.approx([0.2, 1, 1])
    pixels[0, 0, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with pytest.raises(HarnessError, match=r"a.png has transparent pixels; say what shows through"):
        FromSamples(tmp_path, mode="rgb")


def test_labels_become_conditions(tmp_path: Path) -> None:
    for key in ("labels", "arr_1"):
        model = FromSamples(saved(tmp_path / f"{key}.npz", arr_0=COLOUR, **{key: np.array([4, 3, 2, 1, 0])}))
        assert model.given_conditions([0, 4, 1]) == [4, 0, 3]
    with pytest.raises(HarnessError, match=r"int64 of shape \[4\]; 5 whole numbers"):
        FromSamples(saved(tmp_path / "c.npz", arr_0=COLOUR, labels=np.arange(4)))
    with pytest.raises(HarnessError, match=r"float64 of shape \[5\]"):
        FromSamples(saved(tmp_path / "d.npz", arr_0=COLOUR, labels=np.zeros(5)))


def test_too_few_samples_are_counted(tmp_path: Path) -> None:
    model = FromSamples(saved(tmp_path / "few.npz", samples=COLOUR, labels=np.arange(5)))
    with pytest.raises(HarnessError, match=r"few.npz holds 5 samples, at least 8 are asked for"):
        model.given(range(4, 8))
    with pytest.raises(HarnessError, match=r"at least 6"):
        model.given_conditions([5])


@pytest.mark.parametrize(
    ("arrays", "layout", "complaint"),
    [
        ({"pictures": COLOUR}, "auto", "no array 'images' or .*'arr_0' for images; it has pictures"),
        ({"samples": np.zeros((2, 3))}, "auto", r"shape 2x3; \[n, H, W\]"),
        ({"samples": np.zeros((2, 3, 8, 3))}, "auto", "2x3x8x3, which might be .* say which with `layout`"),
        ({"samples": np.zeros((2, 8, 8, 4))}, "auto", "2x8x8x4, which has neither 1 nor 3 channels"),
        ({"samples": np.array([[["a"]]])}, "auto", "<U1 values"),
        (
            {"samples": np.array([[[None]]], object)},
            "auto",
            "cannot be read as arrays: it holds an array of Python objects",
        ),
    ],
)
def test_arrays_that_cannot_be_used(tmp_path: Path, arrays: Any, layout: Any, complaint: str) -> None:
    with pytest.raises(HarnessError, match=complaint):
        FromSamples(saved(tmp_path / "a.npz", **arrays), layout)


@pytest.mark.parametrize(
    ("array", "levels", "complaint"),
    [
        (
            np.full((1, 2, 2), -0.5),
            256,
            "from -0.5 to -0.5, below black at 0; save .x . 1. / 2 if they lie in",
        ),
        (
            np.full((1, 2, 2), -1.5),
            256,
            "from -1.5 to -1.5, below black at 0; save the images before they were normalised",
        ),
        (
            np.full((1, 2, 2), np.nan),
            256,
            "a.npz holds NaN or infinity, first in row 0",
        ),
        (np.full((1, 2, 2), 17), 17, "values up to 17, above the white of 16"),
    ],
)
def test_values_out_of_range(tmp_path: Path, array: Any, levels: int, complaint: str) -> None:
    with pytest.raises(InvalidOutput, match=complaint):
        FromSamples(saved(tmp_path / "a.npz", samples=array), levels=levels)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="is not there; it should be a folder"):
        FromSamples(tmp_path / "absent.npz")
    with pytest.raises(MissingData, match="holds no images"):
        FromSamples(tmp_path)
    for name, complaint in (("a.npz", "as arrays"), ("a.npy", "as arrays"), ("a.txt", "is no .npz, .npy")):
        (tmp_path / name).write_bytes(b"nonsense")
        with pytest.raises(HarnessError, match=complaint):
            FromSamples(tmp_path / name)
    with pytest.raises(InvalidOutput, match=r"a.npy, a.npz are no images by their ending; take them out"):
        FromSamples(tmp_path)
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "a.png").write_bytes(b"nonsense")
    with pytest.raises(InvalidOutput, match=r"only/a.png is no image"):
        FromSamples(tmp_path / "only")


def test_a_truncated_image_is_named_when_it_is_read(tmp_path: Path) -> None:
    Image.fromarray(COLOUR[0].repeat(20, axis=0)).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:-60])
    with pytest.raises(InvalidOutput, match=r"a.png cannot be read whole"):
        FromSamples(tmp_path).given([0])


def test_class_folders_say_what_each_sample_was_made_for(tmp_path: Path) -> None:
    for name, place in (("dog", "a.png"), ("cat", "b.png"), ("cat/more", "c.png")):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(COLOUR[0]).save(tmp_path / name / place)
    assert FromSamples(tmp_path).given_conditions([0]) is None
    model = FromSamples(tmp_path, class_folders=True)
    assert model.given_ids([0, 1, 2]) == ["cat/b.png", "cat/more/c.png", "dog/a.png"]
    assert model.given_conditions([0, 1, 2]) == ["cat", "cat", "dog"]
    (tmp_path / "bird").mkdir()
    with pytest.raises(InvalidOutput, match="bird are class folders without an image; take them out"):
        FromSamples(tmp_path, class_folders=True)
    Image.fromarray(COLOUR[0]).save(tmp_path / "stray.png")
    with pytest.raises(InvalidOutput, match=r"stray.png lies in no class folder"):
        FromSamples(tmp_path, class_folders=True)


def test_images_of_different_sizes_are_named(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save(tmp_path / "b.png")
    with pytest.raises(InvalidOutput, match=r"a.png is 1x4x4, b.png is 3x4x5 .*; say `mode: rgb` or grey"):
        FromSamples(tmp_path)
    with pytest.raises(InvalidOutput, match=r"a.png is 3x4x4, b.png is 3x4x5 .*; say `size: .* and `resize:`"):
        FromSamples(tmp_path, mode="rgb")
    assert FromSamples(tmp_path, mode="rgb", size=[3, 3]).given([0, 1]).shape == (2, 3, 3, 3)


def test_a_copy_has_every_example_once_with_its_label() -> None:
    data = digits("test")
    model = CopyOf(data)
    rows = range(len(data.ids))
    samples, labels = model.given(rows), model.given_conditions(rows)
    place = {image.tobytes(): i for i, image in enumerate(data.columns["inputs"])}
    order = [place[image.numpy().tobytes()] for image in samples]
    assert sorted(order) == list(rows)
    assert labels == [int(data.columns["labels"][i]) for i in order]
    assert torch.equal(model.given([7, 3]), samples[[7, 3]])


def test_the_order_mixes_classes_and_depends_on_the_seed_only() -> None:
    data = Examples([str(i) for i in range(1000)], {"inputs": np.zeros((1000, 1, 1, 1)), "labels": np.arange(1000)})
    torch.manual_seed(0)
    first = CopyOf(data).given_conditions(range(100))
    torch.manual_seed(1)
    assert first == CopyOf(data).given_conditions(range(100))
    assert first != CopyOf(data, seed=1).given_conditions(range(100))
    assert first is not None
    assert 350 < np.mean(first) < 650, "the first hundred come from all over, not from the head"


def test_a_copy_ends_or_repeats() -> None:
    data = Examples(["a", "b"], {"inputs": np.array([0.0, 1.0]).reshape(2, 1, 1, 1)})
    with pytest.raises(HarnessError, match="holds 2 samples, at least 3 are asked for; ask the task for fewer, or set"):
        CopyOf(data).given([0, 2])
    values = CopyOf(data, repeat=True).given(range(5)).flatten().tolist()
    assert values[:2] == values[2:4]
    assert sorted(values[:2]) == [0.0, 1.0]
    assert CopyOf(data).given_conditions([0]) is None


def test_a_dataset_without_images_cannot_be_copied() -> None:
    with pytest.raises(HarnessError, match="no column 'inputs'; it has text"):
        CopyOf(Examples(["a"], {"text": ["hello"]})).given([0])


def test_given_samples_stand_where_one_shot_models_do(tmp_path: Path) -> None:
    model: OneShot = FromSamples(saved(tmp_path / "a.npz", samples=COLOUR))
    assert Context().normal(["a", "b"], model.latent_shape, "noise").shape == (2,)
    with pytest.raises(NotApplicable, match="by their position"):
        model.generate(torch.zeros(2), None)
