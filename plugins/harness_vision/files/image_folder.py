"""A dataset of image files: class folders, or a table of paths and labels; decoded when they are asked for."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Len

from harness.api import GroupValues, InvalidOutput, Later, MissingData, Overlap, Split, order_by_hash, parts_by_hash
from harness.api.images import (
    Background,
    Conversion,
    Damaged,
    Fit,
    Mode,
    Orientation,
    Pixels,
    Resize,
    Undeclared,
)
from harness_vision.files.lazy_images import LazyImages
from harness_vision.files.listing import Columns, Listing, by_folders, by_table

Parts = Literal["hash", "folders"]
_SHOWN = 3


def image_folder(
    path: Path,
    table: Path | None = None,
    file: str = "file",
    label: str = "label",
    part: str | None = None,
    parts: Parts = "hash",
    classes: list[str] | None = None,
    groups: list[str] | None = None,
    unknown: str | None = None,
    mode: Mode | None = None,
    size: Annotated[list[Annotated[int, Ge(1)]], Len(2, 2)] | None = None,
    fit: Fit = "crop",
    resize: Annotated[Resize, Later()] = "pillow",
    orientation: Orientation | None = None,
    background: Background | None = None,
    white: Annotated[float, Gt(0)] | None = None,
    damaged: Annotated[int, Ge(0)] = 0,
    overlap: Overlap = "refuse",
    split: Split = "all",
    values: Annotated[dict[str, GroupValues] | None, Later()] = None,
) -> LazyImages:
    """Your own images in files: a folder for each class, or a table of paths and labels.

    Images are float32 in [0, 1], of one size and all grey or all RGB; what must be changed for that is declared, and
    refused with the name of the file otherwise. Resizing for a network belongs to the model, so that one folder serves
    several; `size` is for files that differ. Their order is that of the hashes of their contents, so that `limit`
    takes images of all classes.

    Args:
        path: the folder; its content is hashed into the keys.
        table: a table with a row for each image (.csv, .parquet, .jsonl and others); by default class folders are read.
        file: its column of paths, counted from the folder.
        label: its column of classes.
        part: its column that says train, validation or test.
        parts: which class folders are train, validation and test: drawn by the hash of each image, equal images
            together (60 %, 20 %, 20 %); or those in outer folders of these names.
        classes: the names of the classes in order; by default those there are, numbers by value, others as text.
        groups: columns of the table that group the images.
        unknown: the group of images without a value; by default they are refused.
        mode: convert all to RGB or to grey (ITU-R 601), palettes, CMYK and opaque RGBA too.
        size: height and width that all are resized to, with antialiasing.
        fit: at other proportions, cut out the middle, or stretch.
        resize: how: `pillow`, in 8 bits, or the whole image as clean-fid, pytorch-fid and torch-fidelity do it, not
            rounded to 8 bits.
        orientation: turn images as EXIF says, or leave them as they are stored; by default such are refused.
        background: the colour behind transparent pixels; by default such images are refused.
        white: the stored value that is white, of images of more than 8 bits.
        damaged: how many files are damaged or no images, and left out; another number is refused.
        overlap: what is done where the same image, by its content, is in the training part too: refuse, leave it out
            of the other part, or keep it.
        split: which part.
        values: what group columns hold, such as {country: [NA, DE]}, text or number; by default text without codes for
            missing values such as NA, and with one spelling of each number.

    Raises:
        MissingData: there is no such folder or table, or no image in the split.
        InvalidOutput: images cannot be used as they are, with their names and what to declare.
    """
    conversion = Conversion(
        mode, None if size is None else (size[0], size[1]), fit, orientation, background, white, resize
    )
    if table is None:
        if groups or part:
            raise InvalidOutput("`groups:` and `part:` name columns of a table; give `table:`")
        listing = by_folders(path, classes, with_parts=parts == "folders")
    else:
        listing = by_table(path, table, Columns(file, label, part, groups or (), unknown, values or {}), classes)
    checked = _Checked.of(path, listing, conversion, damaged)
    chosen, repeated = _chosen(checked, listing, split, overlap)
    if not chosen:
        raise MissingData(f"{path} holds {len(checked.usable)} images, none of them in the split {split!r}")
    told = {name: count for name, count in (("damaged", damaged), ("overlap", repeated)) if count}
    ids = [listing.names[i] for i in chosen]
    return LazyImages(
        ids,
        np.array([listing.labels[i] for i in chosen], np.int64),
        checked.shape,
        lambda row: _read(path, ids[row], conversion, checked.shape),
        {name: column.take(chosen) for name, column in listing.groups.items()},
        {"classes": list(listing.classes), "box": [0.0, 1.0], **told},
    )


def _read(folder: Path, name: str, conversion: Conversion, shape: tuple[int, int, int]) -> Pixels:
    try:
        pixels = conversion.pixels_of((folder / name).read_bytes())
    except (Damaged, Undeclared, OSError) as error:
        raise InvalidOutput(
            f"{name} {error}; mend it or take it out, or give the number of damaged files with `damaged:`"
        ) from error
    if pixels.shape != shape:
        raise InvalidOutput(f"{name} is of another size than its head said; save it anew")
    return pixels


class _Checked:
    """The images that can be used, by their position in the listing, with the hash of each one's content."""

    def __init__(self, folder: Path, shapes: Mapping[int, tuple[int, int, int]], hashes: Mapping[int, str]) -> None:
        self.folder, self.hashes, self.usable = folder, hashes, list(shapes)
        self.shape = next(iter(shapes.values()))

    @classmethod
    def of(cls, folder: Path, listing: Listing, conversion: Conversion, damaged: int) -> _Checked:
        """Look at every file. Raises InvalidOutput, with the names of those that do not fit."""
        shapes: dict[int, tuple[int, int, int]] = {}
        hashes: dict[int, str] = {}
        broken: list[str] = []
        undeclared: list[str] = []
        for i, name in enumerate(listing.names):
            try:
                content = (folder / name).read_bytes()
                shapes[i] = conversion.shape_of(content)
                if damaged:
                    conversion.pixels_of(content)
                hashes[i] = hashlib.sha256(content).hexdigest()
            except Damaged as error:
                shapes.pop(i, None)
                broken.append(f"{name} {error}")
            except (Undeclared, OSError) as error:
                undeclared.append(f"{name} {error}")
        if undeclared:
            raise InvalidOutput(f"{folder}: {_named(undeclared, len(listing.names))}")
        if len(broken) != damaged:
            remedy = f"mend them or take them out; to leave them out of the data, say `damaged: {len(broken)}`"
            said = f"`damaged: {damaged}` is wrong: " if damaged else ""
            raise InvalidOutput(f"{folder}: {said}{_named(broken, len(listing.names))}; {remedy}")
        if not shapes:
            raise MissingData(f"{folder} holds no images")
        _check_alike(folder, listing, shapes)
        return cls(folder, shapes, hashes)


def _chosen(checked: _Checked, listing: Listing, split: Split, overlap: Overlap) -> tuple[list[int], int]:
    """The positions of a split in the order of their hashes, and how many of them are in the training part too."""
    usable, hashes = checked.usable, [checked.hashes[i] for i in checked.usable]
    drawn = parts_by_hash(hashes).tolist() if listing.parts is None else [listing.parts[i] for i in usable]
    order = [k for k in order_by_hash(hashes) if split in ("all", drawn[k])]
    if split in ("all", "train") or listing.parts is None:
        return [usable[k] for k in order], 0
    trained = {hashes[k]: usable[k] for k in range(len(usable)) if drawn[k] == "train"}
    repeated = [k for k in order if hashes[k] in trained]
    if repeated and overlap == "refuse":
        pairs = [f"{listing.names[usable[k]]} is {listing.names[trained[hashes[k]]]}" for k in repeated]
        raise InvalidOutput(
            f"{checked.folder}: {len(repeated)} of {len(order)} images of the split {split!r} are in the training part "
            f"too: {_some(pairs)}; say `overlap: leave_out`, or `keep`"
        )
    kept = [k for k in order if overlap == "keep" or hashes[k] not in trained]
    return [usable[k] for k in kept], len(repeated)


def _check_alike(folder: Path, listing: Listing, shapes: Mapping[int, tuple[int, int, int]]) -> None:
    """Refuse images of several sizes or colours, with one name of each."""
    first = {shape: listing.names[i] for i, shape in reversed(list(shapes.items()))}
    counts = Counter(shapes.values())
    if len({shape[0] for shape in counts}) > 1:
        raise InvalidOutput(
            f"{folder}: some images are grey and some are RGB ({_shown(first, counts)}); say `mode: rgb` or "
            "`mode: grey`"
        )
    if len(counts) > 1:
        height, width = counts.most_common(1)[0][0][1:]
        raise InvalidOutput(
            f"{folder}: images are of {len(counts)} sizes ({_shown(first, counts)}); say which all get, such as "
            f"`size: [{height}, {width}]`"
        )


def _shown(first: Mapping[tuple[int, int, int], str], counts: Counter[tuple[int, int, int]]) -> str:
    return _some(
        [f"{count} such as {first[shape]} {'x'.join(map(str, shape))}" for shape, count in counts.most_common()]
    )


def _named(problems: Sequence[str], n: int) -> str:
    return f"{len(problems)} of {n} files cannot be used{': ' if problems else ''}{_some(problems)}"


def _some(texts: Sequence[str]) -> str:
    more = f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + more
