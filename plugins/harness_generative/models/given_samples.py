"""Samples that exist already: files that another system made, or a dataset in place of a model.

Both are `GivenSamples`: they say which samples they hold, by position, so that the task takes them as they are and
counts no pass. They have `generate` only because a cell of generated samples asks for it.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import ComponentOf, Dataset, HarnessError, MissingData, NotApplicable, why_no_arrays

if TYPE_CHECKING:
    from PIL.Image import Image

Layout = Literal["auto", "nchw", "nhwc"]

_IMAGES = (".png", ".jpg", ".jpeg")
_LOSSY = (".jpg", ".jpeg")
_SAMPLE_KEYS, _LABEL_KEYS = ("samples", "arr_0"), ("labels", "arr_1")
_GREY, _DEEP_GREY, _COLOUR = ("1", "L", "LA"), ("I", "I;16"), ("RGB", "RGBA", "P")
_WHITE, _DEEP_WHITE = 255, 65535


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
    """Samples that another system made, in the order of the file (.npz, .npy) or of the image names in the folder.

    A folder of PNG or JPEG images of one size, sorted by name; or an .npz file with an array `samples` (or `arr_0`) and
    perhaps whole-number `labels` (or `arr_1`); or an .npy file. An array is `[n, H, W]`, `[n, H, W, C]` or
    `[n, C, H, W]` with 1 or 3 channels, of whole numbers or of numbers in [0, 1].

    Args:
        path: the folder or the file; its content is part of the identity of the model.
        layout: where the channels stand in a four-dimensional array; `auto` finds out where that is certain.
        levels: grey levels of whole-number arrays: 0 is black and `levels` - 1 is white; 256 for 8 bit, 17 for digits.

    Raises:
        HarnessError: the samples cannot be read, or are not what is said above.
    """

    def __init__(self, path: Path, layout: Layout = "auto", levels: Annotated[int, Ge(2)] = 256) -> None:
        self._name = path.name
        self._labels: npt.NDArray[Any] | None = None
        self._samples: _Samples
        if path.is_dir():
            self._samples = _Folder(path)
        else:
            arrays = _arrays(path)
            samples = _first(arrays, _SAMPLE_KEYS, path)
            self._samples = _Array(_channels_first(samples, layout, path), levels, path)
            self._labels = next((arrays[key] for key in _LABEL_KEYS if key in arrays), None)
            if self._labels is not None:
                _check_labels(self._labels, len(samples), path)

    def __len__(self) -> int:
        return len(self._samples)

    def given(self, rows: Sequence[int]) -> Tensor:
        """The samples at these positions, float32 `[len(rows), C, H, W]` in [0, 1].

        Raises:
            HarnessError: there are fewer samples, or images in a folder do not fit together.
        """
        _check_rows(rows, len(self), self._name, "make more, or ask the task for fewer")
        return torch.from_numpy(self._samples.take(rows))

    def scale_advice(self, largest: float, levels: int | None) -> str:
        """The largest value on the scale of the file, and the `levels` that would make it white or nearly so."""
        white = self._samples.white
        if white == 1:
            stored, remedy = f"{largest:.3g} of 1", "they may have been divided by their white twice"
        else:
            value = round(largest * white)
            fitting = _fitting_levels(value, levels)
            stored = f"{value} of {white}"
            remedy = f"give `levels: {fitting}`"
            if isinstance(self._samples, _Folder):
                remedy = f"save images with {white} as white, or an array, with `levels: {fitting}`"
        return f"the largest value of all samples is {stored}, {remedy if largest > 0 else 'all are black'}"

    def lossy(self, rows: Sequence[int]) -> int:
        """How many of these samples lie in JPEG files."""
        return self._samples.lossy(rows) if isinstance(self._samples, _Folder) else 0

    def given_conditions(self, rows: Sequence[int]) -> list[int] | None:
        """The class that each of these samples was made for, as the file's labels say; None without labels."""
        if self._labels is None:
            return None
        _check_rows(rows, len(self), self._name, "make more, or ask the task for fewer")
        return [int(label) for label in self._labels[list(rows)]]


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


class _Samples(Protocol):
    """Samples by position, and the stored value that is white."""

    white: int

    def __len__(self) -> int: ...

    def take(self, rows: Sequence[int]) -> npt.NDArray[np.float32]: ...


class _Array:
    """Samples in an array `[n, C, H, W]`, which may lie on the disk."""

    def __init__(self, samples: npt.NDArray[Any], levels: int, path: Path) -> None:
        whole = np.issubdtype(samples.dtype, np.integer)
        if not whole and not np.issubdtype(samples.dtype, np.floating):
            raise HarnessError(f"{path.name} holds {samples.dtype} values; whole or floating-point numbers are needed")
        self._samples, self.white, self._name = samples, levels - 1 if whole else 1, path.name

    def __len__(self) -> int:
        return len(self._samples)

    def take(self, rows: Sequence[int]) -> npt.NDArray[np.float32]:
        """The samples at these positions, scaled to [0, 1]."""
        taken = np.asarray(self._samples[list(rows)])
        low, high = (taken.min(), taken.max()) if taken.size else (0, 0)
        if not np.isfinite((low, high)).all():
            finite = np.isfinite(taken).reshape(len(taken), -1).all(axis=1)
            raise HarnessError(
                f"{self._name} holds NaN or infinity in {int((~finite).sum())} of the {len(taken)} samples asked for, "
                f"first in row {rows[int(finite.argmin())]}; leave these out, or make them again"
            )
        if not (low >= 0 and high <= self.white):
            wanted = "up to 1; divide them by their white, or save whole numbers and give `levels`"
            if self.white != 1:
                wanted = f"up to {self.white}, by `levels`"
            elif -1 <= low < 0 and high <= 1:
                wanted = "up to 1; they seem to lie in [-1, 1]: save (x + 1) / 2"
            raise HarnessError(f"{self._name} holds values from {low:g} to {high:g}; they must go from 0 {wanted}")
        return (taken / self.white).astype(np.float32)


class _Folder:
    """Samples in a folder of images, each read when it is asked for."""

    def __init__(self, path: Path) -> None:
        self._files = sorted(p for p in path.iterdir() if p.suffix.lower() in _IMAGES and not p.name.startswith("."))
        if not self._files:
            raise MissingData(f"{path} holds no {', '.join(_IMAGES)} files; images must lie in the folder itself")
        self._first = _read_image(self._files[0])
        self.white = _white_of(self._files[0])

    def __len__(self) -> int:
        return len(self._files)

    def lossy(self, rows: Sequence[int]) -> int:
        """How many of these are JPEG files."""
        return sum(self._files[row].suffix.lower() in _LOSSY for row in rows)

    def take(self, rows: Sequence[int]) -> npt.NDArray[np.float32]:
        """The images at these positions of the sorted names."""
        out = np.empty((len(rows), *self._first.shape), np.float32)
        for target, row in zip(out, rows, strict=True):
            image = _read_image(self._files[row])
            if image.shape != self._first.shape:
                first, other = ("x".join(map(str, a.shape)) for a in (self._first, image))
                raise HarnessError(
                    f"images of one folder must be alike: {self._files[0].name} is {first} (channels, height, width), "
                    f"{self._files[row].name} is {other}"
                )
            target[:] = image
        return out


def _white_of(path: Path) -> int:
    from PIL import Image

    with Image.open(path) as image:
        return _DEEP_WHITE if image.mode in _DEEP_GREY else _WHITE


def _read_image(path: Path) -> npt.NDArray[np.float32]:
    """An image as `[C, H, W]` in [0, 1]: one channel if it is grey, three otherwise."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            pixels = _pixels(image, path)
    except (UnidentifiedImageError, OSError) as error:
        raise HarnessError(f"{path.name} cannot be read as an image: {error}") from error
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _pixels(image: Image, path: Path) -> npt.NDArray[np.float32]:
    if image.mode in _DEEP_GREY:
        return np.asarray(image, np.float32) / np.float32(_DEEP_WHITE)
    opaque = "A" not in image.getbands() or image.getchannel("A").getextrema() == (255, 255)
    if image.mode not in (*_GREY, *_COLOUR) or "transparency" in image.info or not opaque:
        raise HarnessError(f"{path.name} is a {image.mode} image; save it as grey or RGB, without transparency")
    return np.asarray(image.convert("L" if image.mode in _GREY else "RGB"), np.float32) / np.float32(_WHITE)


def _arrays(path: Path) -> Mapping[str, npt.NDArray[Any]]:
    """The arrays in a file by name; the one of an .npy file, which stays on the disk, is called `samples`."""
    if not path.is_file():
        raise MissingData(f"{path} is not there; it should be a folder of images or an .npz or .npy file")
    if path.suffix not in (".npz", ".npy"):
        raise HarnessError(f"{path.name} is no .npz or .npy file, and no folder of images")
    try:
        if path.suffix == ".npy":
            return {"samples": np.load(path, mmap_mode="r", allow_pickle=False)}
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise HarnessError(f"{path.name} cannot be read as arrays: {why_no_arrays(error)}") from error


def _first(arrays: Mapping[str, npt.NDArray[Any]], names: Sequence[str], path: Path) -> npt.NDArray[Any]:
    for name in names:
        if name in arrays:
            return arrays[name]
    raise HarnessError(f"{path.name} has no array {' or '.join(names)}; it has {', '.join(arrays) or 'none'}")


def _channels_first(samples: npt.NDArray[Any], layout: Layout, path: Path) -> npt.NDArray[Any]:
    """The array as `[n, C, H, W]`."""
    shape = "x".join(map(str, samples.shape))
    if samples.ndim == 3:
        return samples[:, None]
    if samples.ndim != 4:
        raise HarnessError(f"{path.name} holds an array of shape {shape}; [n, H, W], [n, H, W, C] or [n, C, H, W] fits")
    first, last = samples.shape[1] in (1, 3), samples.shape[3] in (1, 3)
    if layout == "auto" and first == last:
        problem = "might be [n, H, W, C] or [n, C, H, W]" if first else "has neither 1 nor 3 channels"
        raise HarnessError(f"{path.name} holds an array of shape {shape}, which {problem}; say which with `layout`")
    nhwc = layout == "nhwc" or (layout == "auto" and last)
    return samples.transpose(0, 3, 1, 2) if nhwc else samples


def _check_labels(labels: npt.NDArray[Any], n: int, path: Path) -> None:
    if labels.shape != (n,) or not np.issubdtype(labels.dtype, np.integer):
        kind = f"{labels.dtype} of shape {'x'.join(map(str, labels.shape))}"
        raise HarnessError(f"the labels in {path.name} are {kind}; {n} whole numbers are needed, one for each sample")


def _check_rows(rows: Sequence[int], n: int, name: str, remedy: str) -> None:
    if len(rows) and max(rows) >= n:
        raise HarnessError(f"{name} holds {n} samples, at least {max(rows) + 1} are asked for; {remedy}")
