"""A dataset of images in one file: arrays (.npz, .npy), or encoded images in a column of a Parquet table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Gt, Len

from harness.api import (
    InvalidOutput,
    MissingData,
    Split,
    Table,
    Texts,
    order_by_hash,
    parts_by_hash,
    read_groups,
    read_table,
)
from harness_vision.files.arrays import ArrayImages, Arrays, Layout, array_named, arrays_of
from harness_vision.files.decoding import Background, Conversion, Damaged, Fit, Mode, Orientation, Pixels, Undeclared
from harness_vision.files.lazy_images import LazyImages

_IMAGES, _LABELS = ("images", "image", "x", "inputs", "samples", "arr_0"), ("labels", "label", "y", "targets", "arr_1")
_PARQUET, _ARRAYS = (".parquet", ".pq"), (".npz", ".npy")


class _Source(Protocol):
    """Images by their row, all of one shape."""

    @property
    def shape(self) -> tuple[int, int, int]: ...

    def content(self, row: int) -> bytes: ...

    def pixels(self, row: int) -> Pixels: ...


def images(
    path: Path,
    images: str | None = None,
    labels: str | None = None,
    labels_path: Path | None = None,
    classes: list[str] | None = None,
    groups: list[str] | None = None,
    unknown: str | None = None,
    id: str | None = None,
    layout: Layout = "auto",
    white: Annotated[float, Gt(0)] | None = None,
    mode: Mode | None = None,
    size: Annotated[list[Annotated[int, Ge(1)]], Len(2, 2)] | None = None,
    fit: Fit = "crop",
    orientation: Orientation | None = None,
    background: Background | None = None,
    split: Split = "all",
) -> LazyImages:
    """Your own images in one file: NumPy arrays, or encoded images in a Parquet table.

    Arrays are `[n, H, W]`, `[n, H, W, C]` or `[n, C, H, W]` of bytes, of fractions in [0, 1], or with the value that is
    white declared. A column of Parquet holds encoded images (PNG, JPEG) as bytes, or as the Hugging Face hub has them,
    with their bytes inside; they are decoded when they are asked for. The order is that of the hashes of the images, so
    that `limit` takes images of all classes.

    Args:
        path: the .npz, .npy or .parquet file.
        images: the array or column of images; by default images, image, x, inputs, samples or arr_0.
        labels: that of labels, whole numbers or names; by default labels, label, y, targets or arr_1.
        labels_path: an .npy file of labels, beside images in another.
        classes: the names of the classes in order; by default the names that occur, or the numbers from 0 on.
        groups: arrays or columns that group the images.
        unknown: the group of images without a value in a table; by default they are refused.
        id: the array or column that names the images; by default they are numbered by row.
        layout: where the channels stand in an array, if that is not certain by its shape.
        white: the stored value that is white, where images are neither bytes nor fractions up to 1.
        mode: convert encoded images to RGB or to grey.
        size: height and width that all encoded images are resized to, with antialiasing.
        fit: at other proportions, cut out the middle, or stretch.
        orientation: turn encoded images as EXIF says, or leave them as they are stored.
        background: the colour behind transparent pixels of encoded images.
        split: by the hash of each image, equal images together: 20 % test, 20 % validation, 60 % train.

    Raises:
        MissingData: there is no such file, or no image in the split.
        InvalidOutput: it cannot be used as it is, with what to declare.
    """
    if path.suffix.lower() not in (*_PARQUET, *_ARRAYS) or not path.is_file():
        raise MissingData(f"{path} is no {', '.join((*_ARRAYS, *_PARQUET))} file; a folder of images is `image_folder`")
    wanted = [images] if images else _IMAGES, [labels] if labels else _LABELS
    if path.suffix.lower() in _PARQUET:
        conversion = Conversion(mode, None if size is None else (size[0], size[1]), fit, orientation, background, white)
        rows = _of_table(path, wanted, groups or (), unknown, id, conversion, classes)
    else:
        if mode or size or orientation or background:
            raise InvalidOutput("`mode`, `size`, `orientation` and `background` are for encoded images, not for arrays")
        rows = _of_arrays(path, wanted, labels_path, groups or (), id, (layout, white), classes)
    # Twice, rather than held.
    drawn, order = (of(map(rows.source.content, range(len(rows.ids)))) for of in (parts_by_hash, order_by_hash))
    chosen = [row for row in order if split in ("all", drawn[row])]
    if not chosen:
        raise MissingData(f"{path.name} holds {len(rows.ids)} images, none of them in the split {split!r}")
    source = rows.source
    return LazyImages(
        [rows.ids[row] for row in chosen],
        rows.labels[chosen],
        source.shape,
        lambda position: source.pixels(chosen[position]),
        {name: [column[row] for row in chosen] for name, column in rows.groups.items()},
        {"classes": list(rows.classes), "box": [0.0, 1.0]},
    )


@dataclass(frozen=True)
class _Rows:
    """What a file holds, row by row."""

    source: _Source
    ids: Sequence[str]
    labels: npt.NDArray[np.int64]
    classes: Sequence[str]
    groups: Mapping[str, Sequence[str]]


def _of_arrays(
    path: Path,
    wanted: tuple[Sequence[str], Sequence[str]],
    labels_path: Path | None,
    groups: Sequence[str],
    id: str | None,
    declared: tuple[Layout, float | None],
    classes: Sequence[str] | None,
) -> _Rows:
    arrays = arrays_of(path)
    of_labels = arrays if labels_path is None else arrays_of(labels_path)
    if labels_path is None and "" in arrays:
        raise InvalidOutput(f"{path.name} holds one array; name the .npy file of the labels with `labels_path:`")
    labels = array_named(of_labels, wanted[1], labels_path or path, "labels")
    source = ArrayImages.of(array_named(arrays, wanted[0], path, "images"), *declared, path.name)
    n = len(source.images)
    columns = {name: _texts(arrays, name, path, n) for name in (*groups, *([id] if id else []))}
    names, codes = _classes(labels, classes, n, (labels_path or path).name)
    ids = columns[id] if id else _numbered(n)
    if len(set(ids)) != n:
        raise InvalidOutput(f"{path.name}: the names in {id!r} are not unique")
    return _Rows(source, ids, codes, names, {name: columns[name] for name in groups})


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


@dataclass(frozen=True)
class _Encoded:
    """Encoded images of a table."""

    table: Table
    column: Any
    conversion: Conversion
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, table: Table, name: str, conversion: Conversion) -> _Encoded:
        """The images of a column, each looked at. Raises InvalidOutput with the row."""
        import pyarrow as pa

        column = table.column(name, "images")
        if pa.types.is_struct(column.type) and column.type.get_field_index("bytes") >= 0:
            column = pa.chunked_array([chunk.field("bytes") for chunk in column.chunks])
        if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
            raise InvalidOutput(f"{table.name}: {name!r} holds {column.type}; encoded images as bytes are needed")
        first: tuple[int, int, int] | None = None
        for row, cell in enumerate(column):
            try:
                shape = conversion.shape_of(cell.as_py() or b"")
            except (Damaged, Undeclared) as error:
                table.refuse(row, f"the image {error}")
            first = first or shape
            if shape != first:
                sizes = " and ".join("x".join(map(str, one)) for one in (first, shape))
                table.refuse(row, f"images are {sizes} (channels, height, width); say `size:` and `mode:` of all")
        assert first is not None  # a table has rows
        return cls(table, column, conversion, first)

    def content(self, row: int) -> bytes:
        """The file of an image."""
        content: bytes = self.column[row].as_py()
        return content

    def pixels(self, row: int) -> Pixels:
        """An image. Raises InvalidOutput with the row."""
        try:
            return self.conversion.pixels_of(self.content(row))
        except (Damaged, Undeclared) as error:
            self.table.refuse(row, f"the image {error}; take the row out")


def _of_table(
    path: Path,
    wanted: tuple[Sequence[str], Sequence[str]],
    groups: Sequence[str],
    unknown: str | None,
    id: str | None,
    conversion: Conversion,
    classes: Sequence[str] | None,
) -> _Rows:
    table = read_table(path)
    image, label = (next((name for name in names if name in table.header), names[0]) for names in wanted)
    found = table.categories(label, "label")
    if (found.codes < 0).any():
        table.refuse(int(np.argmax(found.codes < 0)), "the label is missing")
    if all(level.isdecimal() for level in found.levels):
        labels = np.array([int(level) for level in found.levels])[found.codes]
    else:
        labels = np.array(found.levels)[found.codes]
    names, codes = _classes(labels, classes, table.n, table.name)
    of_groups = {name: read_groups(table, name, unknown) for name in groups}
    return _Rows(
        _Encoded.of(table, image, conversion),
        list(table.names(id, "id")) if id else _numbered(table.n),
        codes,
        names,
        {name: Texts.coded(group.codes, group.levels) for name, group in of_groups.items()},
    )


def _numbered(n: int) -> Sequence[str]:
    return list(Texts.numbered("row-", n, 7))
