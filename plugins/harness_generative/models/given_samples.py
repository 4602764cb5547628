"""Samples that exist already: files that another system made, or a dataset in place of a model.

Both are `GivenSamples`: they say which samples they hold, by position, so that the task takes them as they are and
counts no pass. They have `generate` only because a cell of generated samples asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Gt, Len
from torch import Tensor

from harness.api import ComponentOf, Dataset, HarnessError, InvalidOutput, Later, NotApplicable
from harness.api.images import (
    Background,
    Conversion,
    Fit,
    ImageReading,
    Layout,
    Mode,
    Orientation,
    Resize,
    is_left,
    stored_images,
)

_SHOWN = 3


class _Given:
    """Base of models whose samples exist already."""

    latent_shape: Sequence[int] = ()

    def generate(self, noise: Tensor, conditions: Tensor | None) -> Tensor:
        """Not used, since samples are read by `given`.

        Raises:
            NotApplicable: always.
        """
        raise NotApplicable("given samples are taken by their position with `given`; no noise is turned into them")


class FromSamples(_Given):
    """Samples that another system made: a folder of images, or arrays of one, in the order of names or rows.

    In a suite:

        suite: two-folders
        task: {use: generate, with: {features: [inception_v3]}}
        data: {use: images, with: {path: real, size: [299, 299], resize: clean_fid}}
        models: [{use: from_samples, with: {path: fake, size: [299, 299], resize: clean_fid}}]
        samplers: [one_shot]
        metrics: [fid_proxy, kid]

    A folder of images, with those in its folders, sorted by path; or an .npz file with an array `samples` (or `arr_0`)
    and perhaps `labels` (or `arr_1`); or an .npy file; or encoded images in a column of a Parquet table. Files are read
    as `images` and `image_folder` read data, so that two sets are treated alike.

    Args:
        path: the folder or the file; its content is part of the identity of the model.
        layout: where the channels stand in a four-dimensional array; `auto` finds out where that is certain.
        levels: grey levels of whole-number arrays: 0 is black and `levels` - 1 is white; 256 for 8 bit, 17 for digits.
        images: the array or column of images; by default images, image, x, inputs, samples or arr_0.
        labels: that of the classes that they were made for; by default labels, label, y, targets or arr_1, or none.
        class_folders: each image was made for the class that its outermost folder is named by.
        mode: convert encoded images to RGB or to grey.
        size: height and width that all images are resized to.
        fit: at other proportions, cut out the middle, or stretch.
        resize: how they get that size: `pillow` is bilinear with antialiasing in 8 bits, of encoded images; the others
            resize the whole image as clean-fid, pytorch-fid and torch-fidelity do, not rounded to 8 bits.
        orientation: turn encoded images as EXIF says, or leave them as they are stored.
        background: the colour behind transparent pixels of encoded images.
        white: the stored value that is white, of encoded images of more than 8 bits, or of any arrays.

    Raises:
        MissingData: there is no such folder or file, or no image in it.
        InvalidOutput: the samples cannot be read as they are, with the file or row and what to declare.
    """

    def __init__(
        self,
        path: Path,
        layout: Layout = "auto",
        levels: Annotated[int, Ge(2)] = 256,
        images: Annotated[str | None, Later()] = None,
        labels: Annotated[str | None, Later()] = None,
        class_folders: Annotated[bool, Later()] = False,
        mode: Annotated[Mode | None, Later()] = None,
        size: Annotated[list[Annotated[int, Ge(1)]] | None, Len(2, 2), Later()] = None,
        fit: Annotated[Fit, Later()] = "crop",
        resize: Annotated[Resize, Later()] = "pillow",
        orientation: Annotated[Orientation | None, Later()] = None,
        background: Annotated[Background | None, Later()] = None,
        white: Annotated[float | None, Gt(0), Later()] = None,
    ) -> None:
        self._name, self._is_folder = path.name, path.is_dir()
        shape = None if size is None else (size[0], size[1])
        conversion = Conversion(mode, shape, fit, orientation, background, white, resize)
        reading = ImageReading(
            images, labels, layout=layout, conversion=conversion, white_of_whole=levels - 1, white_of_fractions=1
        )
        self._stored = stored_images(path, reading)
        self._conditions: Sequence[int | str] | None = None
        if class_folders:
            self._conditions = _class_folders(self._stored.ids, path)
        elif self._stored.labels is not None:
            self._conditions = self._stored.labels.tolist()

    def __len__(self) -> int:
        return len(self._stored)

    @property
    def n_given(self) -> int:
        """How many samples there are, of which the task takes all unless it is asked for fewer."""
        return len(self)

    def given(self, rows: Sequence[int]) -> Tensor:
        """The samples at these positions, float32 `[len(rows), C, H, W]` in [0, 1].

        Raises:
            HarnessError: there are fewer samples.
            InvalidOutput: an image cannot be read whole, with its name.
        """
        _check_rows(rows, len(self), self._name, "make more, or ask the task for fewer")
        return torch.from_numpy(self._stored.take(rows))

    def given_ids(self, rows: Sequence[int]) -> list[str]:
        """The names of these samples in the folder, or of their rows."""
        return [self._stored.ids[row] for row in rows]

    def scale_advice(self, largest: float, levels: int | None) -> str:
        """The largest value on the scale of the file, and the `levels` that would make it white or nearly so."""
        white = round(self._stored.source.white)
        if white == 1:
            stored, remedy = f"{largest:.3g} of 1", "they may have been divided by their white twice"
        else:
            value = round(largest * white)
            fitting = _fitting_levels(value, levels)
            stored = f"{value} of {white}"
            remedy = f"give `levels: {fitting}`"
            if self._is_folder:
                remedy = f"save images with {white} as white, or an array, with `levels: {fitting}`"
        return f"the largest value of all samples is {stored}, {remedy if largest > 0 else 'all are black'}"

    def lossy(self, rows: Sequence[int]) -> int:
        """How many of these samples were stored with loss, as JPEG does."""
        return sum(map(self._stored.source.is_lossy, rows))

    def given_conditions(self, rows: Sequence[int]) -> Sequence[int | str] | None:
        """The class that each of these samples was made for, by number or name; None where nothing says it."""
        if self._conditions is None:
            return None
        _check_rows(rows, len(self), self._name, "make more, or ask the task for fewer")
        return [self._conditions[row] for row in rows]


def _class_folders(names: Sequence[str], path: Path) -> list[str]:
    """The outermost folder of each image. Raises InvalidOutput for one that lies in none."""
    for name in names:
        if "/" not in name:
            raise InvalidOutput(f"{path / name} lies in no class folder; `class_folders` needs one for each image")
    of_names = [name.partition("/")[0] for name in names]
    empty = [each.name for each in path.iterdir() if each.is_dir() and not is_left(each.name)]
    if empty := sorted(set(empty) - set(of_names)):
        raise InvalidOutput(f"{path}: {', '.join(empty[:_SHOWN])} are class folders without an image; take them out")
    return of_names


class CopyOf(_Given):
    """A dataset posing as a model: the cheat that copies the training set, or a row of real data.

    A dataset posing as a model, in a shuffled order so that its classes are mixed.

    Of the training data it is the cheat that every measure of novelty must catch; of real data that are neither among
    the training data nor among the reference it is what a perfect model would score.

    Args:
        samples: the dataset, with a column `inputs` `[n, C, H, W]` in [0, 1] and perhaps `labels`.
        repeat: start again from its first example when it is used up, instead of failing.
        seed: the seed of the order; the seed of the cell has no part in it.
    """

    def __init__(
        self,
        samples: Annotated[Dataset, ComponentOf("dataset")],
        repeat: bool = False,
        seed: Annotated[int, Ge(0)] = 0,
    ) -> None:
        self._data, self._repeat = samples, repeat
        self._order = np.random.default_rng(seed).permutation(len(samples.ids))

    def __len__(self) -> int:
        return len(self._order)

    def given(self, rows: Sequence[int]) -> Tensor:
        """The examples at these positions of the shuffled order, float32 `[len(rows), C, H, W]`.

        Raises:
            HarnessError: the dataset is smaller and may not be repeated, or has no `inputs`.
        """
        columns = self._taken(rows)
        if "inputs" not in columns:
            raise HarnessError(f"the dataset to copy has no column 'inputs'; it has {', '.join(columns)}")
        return torch.as_tensor(columns["inputs"]).float()

    def given_conditions(self, rows: Sequence[int]) -> list[int] | None:
        """The class of each of these examples; None for a dataset without labels."""
        labels = self._taken(rows).get("labels")
        return None if labels is None else [int(label) for label in labels]

    def _taken(self, rows: Sequence[int]) -> Mapping[str, Any]:
        if self._repeat:
            rows = [row % len(self) for row in rows]
        _check_rows(rows, len(self), "the dataset to copy", "ask the task for fewer, or set `repeat`")
        return self._data.take([int(i) for i in self._order[list(rows)]])


def _fitting_levels(largest: int, levels: int | None) -> int:
    """The fewest grey levels that hold a value, of those that are usual and those of the data."""
    usual = [1 << bits for bits in range(1, 33)]
    return min(count for count in (*usual, *([levels] if levels else [])) if count > largest)


def _check_rows(rows: Sequence[int], n: int, name: str, remedy: str) -> None:
    if len(rows) and max(rows) >= n:
        raise HarnessError(f"{name} holds {n} samples, at least {max(rows) + 1} are asked for; {remedy}")
