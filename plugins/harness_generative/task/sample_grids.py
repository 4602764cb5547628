"""Pictures of generated samples: grids, the steps of sampling, and the nearest training examples."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.api import figures
from harness_generative.task.counted_generator import Trace

Picture = npt.NDArray[np.float32]
"""`[height, width]` grey or `[height, width, 3]`, within [0, 1]."""

Translate = Callable[[Tensor], Tensor]
"""Between data and the units of a model."""

_IMAGE_DIMENSIONS = 4
_MAX_ELONGATION = 16
"""How many times as long as wide an image may be; spectra and the like as 1x512 "images" are not drawn."""
_SAMPLES_PER_CLASS = 10
_MAX_CLASSES = 12
_PAIRS = 10
_STAGES = 10
_IMAGE_INCHES = 0.62
"""Inches an image takes, the longer side."""
_CAPTIONED_COLUMNS, _CAPTIONED_ROWS = 6, 10
_CAPTIONED_INCHES, _CAPTION_INCHES = 1.8, 0.4
"""Inches a captioned image is wide, and what its two captions add to its height."""
_CAPTION_LETTERS = 32
_WRONG = figures.PALETTE[1]
_CLEAN = "0\nσ 0"
_STEPS_CAPTION = "steps from T (noise only) to 0 (no noise), with the noise level σ of each"


def is_drawable(images: Tensor) -> bool:
    """Whether these are grey or RGB images `[n, channels, height, width]`, and no bands of a few pixels' height."""
    if images.dim() != _IMAGE_DIMENSIONS or images.shape[1] not in (1, 3):
        return False
    return max(images.shape[2:]) <= _MAX_ELONGATION * min(images.shape[2:])


def sample_grid(images: Tensor, classes: Sequence[int | None], names: Sequence[str]) -> bytes:
    """A PNG of samples: a row for every class with its first samples, or the first 100 where there are no classes.

    Args:
        images: `[n, channels, height, width]` within [0, 1].
        classes: the requested or else the predicted class of each.
        names: the names of the classes.
    """
    if any(label is None for label in classes) or not names or len(names) > _MAX_CLASSES:
        shown = list(range(min(len(images), _SAMPLES_PER_CLASS * _SAMPLES_PER_CLASS)))
        rows = [shown[i : i + _SAMPLES_PER_CLASS] for i in range(0, len(shown), _SAMPLES_PER_CLASS)]
        return _grid([[_picture(images[i]) for i in row] for row in rows])
    rows = [[i for i, kind in enumerate(classes) if kind == label][:_SAMPLES_PER_CLASS] for label in range(len(names))]
    return _grid([[_picture(images[i]) for i in row] for row in rows], row_names=names, columns=_SAMPLES_PER_CLASS)


def captioned_grid(images: Tensor, captions: Sequence[str], judged: Sequence[str | None]) -> bytes:
    """A PNG of the first samples under their conditions; a different prediction of the judge is written below.

    Args:
        images: `[n, channels, height, width]` within [0, 1].
        captions: the condition of each.
        judged: the judge's prediction for each, None where it is the condition or there is no judge.
    """
    shown = [_picture(image) for image in images[: _CAPTIONED_COLUMNS * _CAPTIONED_ROWS]]
    height, width = shown[0].shape[:2]
    rows = -(-len(shown) // _CAPTIONED_COLUMNS)
    across, down = _CAPTIONED_INCHES, _CAPTIONED_INCHES * height / width + _CAPTION_INCHES
    figure = figures.empty_figure(_CAPTIONED_COLUMNS * across, rows * down, layout=None)
    # The share of its cell that a picture takes; the rest is for the captions above and below.
    wide, high = 0.94, 0.94 * (1 - _CAPTION_INCHES / down)
    for i, (picture, caption, seen) in enumerate(zip(shown, captions, judged, strict=False)):
        row, column = divmod(i, _CAPTIONED_COLUMNS)
        left, bottom = column + (1 - wide) / 2, rows - row - (1 + high) / 2
        axis = figure.add_axes((left / _CAPTIONED_COLUMNS, bottom / rows, wide / _CAPTIONED_COLUMNS, high / rows))
        axis.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axis.set_axis_off()
        axis.set_title(_short(caption), fontsize=7.5, pad=2, parse_math=False)
        if seen is not None:
            note = axis.text(0.5, -0.03, _short(f"judged {seen}"), transform=axis.transAxes, fontsize=7, color=_WRONG)
            note.set(horizontalalignment="center", verticalalignment="top", parse_math=False)
    return figures.png(figure)


def _short(caption: str) -> str:
    return textwrap.shorten(caption, _CAPTION_LETTERS, placeholder="…")


def neighbour_pairs(
    images: Tensor, train: Callable[[Sequence[int]], Tensor], neighbours: npt.NDArray[Any], distances: npt.NDArray[Any]
) -> bytes:
    """A PNG of the samples that lie nearest to a training example, each above that example.

    Args:
        images: samples `[n, channels, height, width]`.
        train: rows `[m]` to those training images `[m, ...]`, likewise.
        neighbours: `[n]`, the row of each sample's nearest training example.
        distances: `[n]`, how far it is, in pixels.
    """
    nearest = np.argsort(distances, kind="stable")[:_PAIRS]
    shown = train([int(neighbours[i]) for i in nearest])
    pairs = [[_picture(images[i]) for i in nearest], [_picture(image) for image in shown]]
    caption = f"the {len(nearest)} samples nearest to a training example; numbers: Euclidean distance of their pixels"
    return _grid(pairs, ["sample", "nearest in\ntraining"], [f"{distances[i]:.2f}" for i in nearest], caption=caption)


def denoising_strip(trace: Trace, decode: Translate) -> bytes:
    """A PNG of a few samples on their way from noise to image: x at each step, and the prediction the sampler used.

    Steps are counted down from T, the number of steps, to 0, where no noise is left and x is the sample.
    """
    stages = _evenly(len(trace.sigmas))
    rows: list[list[Picture]] = []
    for sample in range(len(trace.noisy[0])):
        given = [_scaled(trace.noisy[s], trace.sigmas[s]) for s in stages]
        given += [] if trace.final is None else [trace.final]
        stacks = (given, [trace.denoised[s] for s in stages])
        rows += [[_picture(decode(x)[sample]) for x in stack] for stack in stacks]
    names = ["x", "prediction"] * len(trace.noisy[0])
    ends = [] if trace.final is None else [_CLEAN]
    return _grid(rows, names, [*(_step(trace, s) for s in stages), *ends], caption=_STEPS_CAPTION)


def noising_strip(inputs: Tensor, trace: Trace, encode: Translate, decode: Translate) -> bytes:
    """A PNG of a few images of the data with increasing noise, at the noise levels of the sampler: steps 0 to T."""
    stages = _evenly(len(trace.sigmas))[::-1]
    clean = encode(inputs)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)).to(clean.device)
    stack = [decode(clean)] + [decode(_scaled(clean + trace.sigmas[s] * noise, trace.sigmas[s])) for s in stages]
    rows = [[_picture(images[i]) for images in stack] for i in range(len(inputs))]
    return _grid(rows, column_names=[_CLEAN, *(_step(trace, s) for s in stages)], caption=_STEPS_CAPTION)


def _evenly(n: int) -> list[int]:
    return sorted({round(i) for i in np.linspace(0, n - 1, min(n, _STAGES))})


def _scaled(x: Tensor, sigma: float) -> Tensor:
    """Noisy x scaled to the spread of the data, as in a variance preserving process."""
    return x / math.sqrt(1 + sigma**2)


def _step(trace: Trace, place: int) -> str:
    """The number of a step, counted down from T to 1, and its noise level."""
    step = len(trace.sigmas) - place
    return f"{'T = ' if place == 0 else ''}{step}\nσ {trace.sigmas[place]:.2g}"


def _picture(image: Tensor) -> Picture:
    array: Picture = image.detach().float().cpu().clamp(0, 1).numpy()
    picture: Picture = array[0] if len(array) == 1 else array.transpose(1, 2, 0)
    return picture


def _grid(
    rows: Sequence[Sequence[Picture]],
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
    columns: int = 0,
    caption: str = "",
) -> bytes:
    """Pictures in rows as one PNG, white where one is missing, with a caption below."""
    shape = next(picture.shape for row in rows for picture in row)
    columns = max(columns, *(len(row) for row in rows))
    height, width = shape[:2]
    gap = max(1, height // 8)
    whole = np.ones((len(rows) * (height + gap) - gap, columns * (width + gap) - gap, *shape[2:]), np.float32)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            top, left = i * (height + gap), j * (width + gap)
            whole[top : top + height, left : left + width] = picture
    scale = _IMAGE_INCHES / min(height, width)
    lines = max((name.count("\n") + 1 for name in column_names), default=0)
    margins = (0.9 if row_names else 0.1, 0.1 + 0.2 * lines + (0.25 if caption else 0))
    inches = (whole.shape[1] * scale + margins[0], whole.shape[0] * scale + margins[1])
    figure = figures.empty_figure(*inches)
    axis = figure.subplots()
    axis.imshow(whole, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="equal")
    axis.set_yticks([i * (height + gap) + height / 2 - 0.5 for i in range(len(rows))] if row_names else [], row_names)
    axis.set_xticks([i * (width + gap) + width / 2 - 0.5 for i in range(columns)] if column_names else [], column_names)
    axis.tick_params(length=0, labelsize=8, top=False, labeltop=True, bottom=False, labelbottom=False)
    for spine in axis.spines.values():
        spine.set_visible(False)
    if caption:
        axis.set_xlabel(caption, fontsize=8)
    return figures.png(figure)


def pictures(
    samples: Tensor,
    columns: Mapping[str, Any],
    names: Sequence[str],
    train: Callable[[Sequence[int]], Tensor] | None,
) -> dict[str, bytes]:
    """The pictures of the samples by file name; none if they are no images.

    Args:
        samples: `[n, channels, height, width]` within [0, 1].
        columns: the columns of the records.
        names: the names of the classes.
        train: rows of the training data to their images, if they are known.
    """
    if not is_drawable(samples):
        return {}
    classes = columns["condition_class"]
    if any(condition is None for condition in classes) and "judged" in columns:
        classes = columns["judged"].tolist()
    conditions = columns["condition"]
    if len(names) > _MAX_CLASSES and all(condition is not None for condition in conditions):
        drawn = {"samples.png": captioned_grid(samples, conditions, _misses(columns, names))}
    else:
        drawn = {"samples.png": sample_grid(samples, classes, names)}
    if train is not None:
        neighbours, distances = np.asarray(columns["pixel_neighbour_row"]), np.asarray(columns["pixel_distance"])
        drawn["neighbours.png"] = neighbour_pairs(samples, train, neighbours, distances)
    return drawn


def _misses(columns: Mapping[str, Any], names: Sequence[str]) -> list[str | None]:
    """The judge's prediction where it differs from the condition, else None."""
    if "judged" not in columns:
        return [None] * len(columns["condition"])
    right = columns["correct_condition"]
    return [None if ok else str(names[label]) for ok, label in zip(right, columns["judged"], strict=True)]


def sampling_pictures(trace: Trace, model: Any, inputs: Tensor, device: str) -> dict[str, bytes]:
    """Pictures of sampling and of its reverse; none for a model that samples in one step."""
    if not trace.sigmas or not is_drawable(inputs):
        return {}

    def on_device(translate: Translate) -> Translate:
        return lambda x: translate(x.to(device)).cpu()

    decode, encode = on_device(model.decode), on_device(model.encode)
    return {
        "denoising.png": denoising_strip(trace, decode),
        "noising.png": noising_strip(inputs, trace, encode, decode),
    }
