"""Samples under what they were asked for, where there are too many classes for a row each."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.image import imread

from harness_generative.task.sample_grids import captioned_grid, pictures, sample_grid

NAMES = [f"class {i}" for i in range(20)]
ORANGE = (213, 94, 0)


def pixels(png: bytes) -> npt.NDArray[Any]:
    return (imread(io.BytesIO(png))[..., :3] * 255).round().astype(int)


def orange(png: bytes) -> npt.NDArray[np.bool_]:
    return np.asarray(np.abs(pixels(png) - ORANGE).max(axis=2) < 60)


def columns(correct: list[bool]) -> dict[str, Any]:
    n = len(correct)
    return {
        "condition": [f"show {i}" for i in range(n)],
        "condition_class": list(range(n)),
        "judged": np.arange(n),
        "correct_condition": correct,
    }


def test_what_the_judge_sees_stands_below_a_sample_only_where_it_was_not_asked_for() -> None:
    """Seven samples in rows of six: the one that is wrong is first in the second row."""
    images, asked = torch.zeros(7, 1, 8, 16), [f"sample {i}" for i in range(7)]
    right = captioned_grid(images, asked, [None] * 7)
    assert not orange(right).any()
    wrong = orange(captioned_grid(images, asked, [*[None] * 6, "a nine"]))
    height, width = wrong.shape
    assert wrong[height // 2 :, : width // 6].sum() > 20
    assert wrong.sum() == wrong[height // 2 :, : width // 6].sum()


def test_a_captioned_grid_shows_every_image_in_its_place() -> None:
    """Of two samples the left is black and the right is white; a white frame is around both."""
    images = torch.stack([torch.zeros(1, 8, 16), torch.ones(1, 8, 16)])
    shown = pixels(captioned_grid(images, ["dark", "bright"], [None, None]))[..., 0]
    height, width = shown.shape
    columns_of = width // 6
    assert shown[height // 2, columns_of // 2] == 0
    assert shown[height // 2, columns_of + columns_of // 2] == 255
    assert (shown[height // 2, 2 * columns_of :] == 255).all()


def test_long_prompts_do_not_reach_into_their_neighbours() -> None:
    long = " ".join(["words"] * 30)
    shown = pixels(captioned_grid(torch.ones(2, 1, 8, 16), [long, ""], [None, None]))[..., 0]
    assert (shown[:, : shown.shape[1] // 6] < 128).any()
    assert (shown[:, shown.shape[1] // 4 :] >= 128).all()


def test_prompts_are_no_formulas() -> None:
    """A dollar sign would start one."""
    prices = captioned_grid(torch.ones(1, 1, 8, 16), ["$5 {and $6"], ["$}"])
    assert orange(prices).any()


def test_captions_are_for_many_classes_that_were_asked_for() -> None:
    images = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    known = columns([True] * 19 + [False])
    drawn = pictures(images, known, NAMES, None)["samples.png"]
    assert orange(drawn).any()
    assert drawn == captioned_grid(images, known["condition"], [None] * 19 + ["class 19"])
    unjudged = {name: known[name] for name in ("condition", "condition_class")}
    assert not orange(pictures(images, unjudged, NAMES, None)["samples.png"]).any()
    few = pictures(images[:10], {**columns([False] * 10), "judged": np.zeros(10, int)}, NAMES[:10], None)
    assert few["samples.png"] == sample_grid(images[:10], range(10), NAMES[:10])
    unasked = {**known, "condition": [None] * 20, "condition_class": [None] * 20}
    assert pictures(images, unasked, NAMES, None)["samples.png"] == sample_grid(images, known["judged"].tolist(), NAMES)
