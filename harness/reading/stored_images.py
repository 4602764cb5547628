"""Images wherever they are stored: in a folder, an .npz or .npy file, or a column of a table, with their classes.

One reader for datasets and for samples that another system made, so that two sets are always read alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from harness.contract.errors import InvalidOutput, MissingData
from harness.contract.texts import Texts
from harness.reading.files import read_table
from harness.reading.groups import GroupValues, read_groups
from harness.reading.image_arrays import ArrayImages, Arrays, Layout, array_named, arrays_of
from harness.reading.image_decoding import Conversion
from harness.reading.image_files import FolderImages
from harness.reading.image_resizing import Pixels
from harness.reading.image_tables import TableImages
from harness.reading.table import Table

IMAGE_COLUMNS = ("images", "image", "x", "inputs", "samples", "arr_0")
LABEL_COLUMNS = ("labels", "label", "y", "targets", "arr_1")
_PARQUET, _ARRAYS = (".parquet", ".pq"), (".npz", ".npy")


class ImageSource(Protocol):
    """Images by their row, all of one shape."""

    def __len__(self) -> int: ...

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""

    @property
    def white(self) -> float:
        """The stored value that is white."""

    def content(self, row: int) -> bytes:
        """What tells an image apart from others."""

    def is_lossy(self, row: int) -> bool:
        """Whether it was stored with loss."""

    def pixels(self, row: int) -> Pixels:
        """An image, float32 `[C, H, W]` in [0, 1]. Raises InvalidOutput with its name."""


@dataclass(frozen=True)
class ImageReading:
    """How the images of a file are to be read; what does not apply to its kind is left as it is.

    Attributes:
        images, labels, id: the array or column of images, of classes and of names; None for the usual names.
        labels_path: an .npy file of classes, beside images in another.
        classes: the names of the classes in order; None for those that occur, or the numbers from 0 on.
        groups: arrays or columns that group the images.
        unknown: the group of images without a value in a table; None refuses them.
        values: what group columns of a table hold, as `read_groups` takes it.
        layout: where the channels stand in an array.
        conversion: what is done to each image.
        white_of_whole, white_of_fractions: what is white in arrays, where `conversion` does not say; None where only
            bytes and fractions that are bright enough are believed.
    """

    images: str | None = None
    labels: str | None = None
    id: str | None = None
    labels_path: Path | None = None
    classes: Sequence[str] | None = None
    groups: Sequence[str] = ()
    unknown: str | None = None
    layout: Layout = "auto"
    conversion: Conversion = field(default_factory=Conversion)
    white_of_whole: float | None = None
    white_of_fractions: float | None = None
    values: Mapping[str, GroupValues] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredImages:
    """Images in the order in which they are stored.

    Attributes:
        source: the images themselves.
        ids: their names: paths below the folder, or numbers of rows.
        labels: `[n]`, the class of each; None where nothing says it.
        classes: the names of the classes.
        groups: group columns.
    """

    source: ImageSource
    ids: Sequence[str]
    labels: npt.NDArray[np.int64] | None = None
    classes: Sequence[str] = ()
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.source)

    def take(self, rows: Sequence[int]) -> Pixels:
        """Images, float32 `[len(rows), C, H, W]` in [0, 1]. Raises InvalidOutput with the name of one."""
        taken = np.empty((len(rows), *self.source.shape), np.float32)
        for target, row in zip(taken, rows, strict=True):
            pixels = self.source.pixels(row)
            if pixels.shape != target.shape:
                raise InvalidOutput(f"{self.ids[row]} is of another size than its head said; save it anew")
            target[:] = pixels
        return taken


def stored_images(path: Path, about: ImageReading) -> StoredImages:
    """The images of a folder, with those in its folders, or of a file.

    Raises:
        MissingData: there is nothing of that name, or no image.
        InvalidOutput: they cannot be used as they are, with the file or row and what to declare.
    """
    if path.is_dir():
        if about.images or about.labels or about.id or about.groups or about.labels_path:
            raise InvalidOutput(
                f"{path} is a folder of files; `images`, `labels`, `id` and `groups` name arrays or columns. Class "
                "folders and tables of paths are for `image_folder`"
            )
        source = FolderImages.of(path, about.conversion)
        return StoredImages(source, source.names)
    if path.suffix.lower() not in (*_PARQUET, *_ARRAYS) or not path.is_file():
        what = "is no" if path.exists() else "is not there; it should be a folder of images or a"
        raise MissingData(f"{path} {what} {', '.join((*_ARRAYS, *_PARQUET))} file")
    return images_of_table(read_table(path), about) if path.suffix.lower() in _PARQUET else _of_arrays(path, about)


def images_of_table(table: Table, about: ImageReading) -> StoredImages:
    """The encoded images of a table. Raises InvalidOutput with the row."""
    image = about.images or _first_of(IMAGE_COLUMNS, table.header)
    label = about.labels or next((name for name in LABEL_COLUMNS if name in table.header), None)
    groups = {name: read_groups(table, name, about.unknown, about.values.get(name)) for name in about.groups}
    classes, labels = ((), None) if label is None else labels_of_table(table, label, about.classes)
    return StoredImages(
        TableImages.of(table, image, about.conversion),
        list(table.names(about.id, "id")) if about.id else _numbered(table.n),
        labels,
        classes,
        {name: Texts.coded(group.codes, group.levels) for name, group in groups.items()},
    )


def _first_of(names: Sequence[str], header: Sequence[str]) -> str:
    return next((name for name in names if name in header), names[0])


def labels_of_table(
    table: Table, column: str, classes: Sequence[str] | None
) -> tuple[Sequence[str], npt.NDArray[np.int64]]:
    """The names of the classes, and the position of each row's.

    Args:
        table: with a row for each example.
        column: of labels.
        classes: their names in order; None for numbers from 0 on, or the names that occur in the order of text.

    Raises:
        InvalidOutput: a label is missing, or none of the classes.
    """
    found = table.categories(column, "label")
    if (found.codes < 0).any():
        table.refuse(int(np.argmax(found.codes < 0)), "the label is missing")
    if all(level.isdecimal() for level in found.levels):
        labels = np.array([int(level) for level in found.levels])[found.codes]
    else:
        labels = np.array(found.levels)[found.codes]
    return _classes(labels, classes, table.n, table.name)


def _of_arrays(path: Path, about: ImageReading) -> StoredImages:
    how = about.conversion
    if how.mode or how.orientation or how.background:
        raise InvalidOutput("`mode`, `orientation` and `background` are for encoded images, not for arrays")
    if how.size and how.resize == "pillow":
        raise InvalidOutput(f"{path.name} holds arrays; say how they get that size, such as `resize: clean_fid`")
    arrays = arrays_of(path)
    images = array_named(arrays, [about.images] if about.images else IMAGE_COLUMNS, path, "images")
    usual = about.white_of_whole if np.issubdtype(images.dtype, np.integer) else about.white_of_fractions
    white = how.white if how.white is not None else usual
    source = ArrayImages.of(images, about.layout, white, path.name, how.size, how.resize)
    n = len(source)
    columns = {name: _texts(arrays, name, path, n) for name in (*about.groups, *([about.id] if about.id else []))}
    ids = columns[about.id] if about.id else _numbered(n)
    if len(set(ids)) != n:
        raise InvalidOutput(f"{path.name}: the names in {about.id!r} are not unique")
    labels = _labels_of_arrays(arrays, path, about)
    file = (about.labels_path or path).name
    classes, codes = ((), None) if labels is None else _classes(labels, about.classes, n, file)
    return StoredImages(source, ids, codes, classes, {name: columns[name] for name in about.groups})


def _labels_of_arrays(arrays: Arrays, path: Path, about: ImageReading) -> npt.NDArray[Any] | None:
    if about.labels_path is not None:
        names = [about.labels] if about.labels else LABEL_COLUMNS
        return array_named(arrays_of(about.labels_path), names, about.labels_path, "labels")
    if about.labels and "" not in arrays:
        return array_named(arrays, [about.labels], path, "labels")
    if about.labels:
        raise InvalidOutput(f"{path.name} holds one array; name the .npy file of the labels with `labels_path:`")
    return next((arrays[name] for name in LABEL_COLUMNS if name in arrays), None)


def _texts(arrays: Arrays, name: str, path: Path, n: int) -> list[str]:
    array = array_named(arrays, [name], path, "groups or ids")
    if array.shape != (n,):
        raise InvalidOutput(f"{path.name}: the array {name!r} has shape {list(array.shape)}, not one value an image")
    return [str(value) for value in array.tolist()]


def _classes(
    labels: npt.NDArray[Any], classes: Sequence[str] | None, n: int, name: str
) -> tuple[Sequence[str], npt.NDArray[np.int64]]:
    """The names of the classes, and the position of each label's. Raises InvalidOutput."""
    if labels.shape != (n,) or labels.dtype.kind not in "iuU":
        kind = f"{labels.dtype} of shape {list(labels.shape)}"
        raise InvalidOutput(f"{name}: the labels are {kind}; {n} whole numbers or names are needed, one an image")
    if labels.dtype.kind == "U":
        names = list(classes) if classes else sorted(set(labels.tolist()))
        unknown = sorted(set(labels.tolist()) - set(names))
        if unknown:
            raise InvalidOutput(f"{name}: the label {unknown[0]!r} is none of the `classes:`")
        return names, np.array([names.index(label) for label in labels.tolist()], np.int64)
    numbered = labels.astype(np.int64)
    names = list(classes) if classes else [str(i) for i in range(int(numbered.max()) + 1)]
    if numbered.min() < 0 or numbered.max() >= len(names):
        ends = f"{numbered.min()} to {numbered.max()}"
        raise InvalidOutput(f"{name}: the labels go from {ends}; there are {len(names)} classes, counted from 0")
    return names, numbered


def _numbered(n: int) -> Sequence[str]:
    return list(Texts.numbered("row-", n, 7))
