"""A dataset of images in a folder or in one file: arrays (.npz, .npy), or encoded images in a Parquet table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Len

from harness.api import (
    GroupValues,
    Later,
    MissingData,
    Overlap,
    Split,
    apart_from_training,
    order_by_hash,
    parts_by_hash,
)
from harness.api.images import (
    Background,
    Conversion,
    Fit,
    ImageReading,
    Layout,
    Mode,
    Orientation,
    Resize,
    StoredImages,
    stored_images,
)
from harness_vision.files.lazy_images import LazyImages


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
    resize: Annotated[Resize, Later()] = "pillow",
    orientation: Orientation | None = None,
    background: Background | None = None,
    split: Split = "all",
    train_path: Annotated[Path | None, Later()] = None,
    overlap: Annotated[Overlap, Later()] = "refuse",
    values: Annotated[dict[str, GroupValues] | None, Later()] = None,
) -> LazyImages:
    """Your own images, with or without classes: a folder, NumPy arrays, or encoded images in a Parquet table.

    In a suite:

        suite: two-folders
        task: {use: generate, with: {features: [random_conv]}}
        data: {use: images, with: {path: real, mode: rgb}}
        models: [{use: from_samples, with: {path: fake, mode: rgb}}]
        samplers: [one_shot]
        metrics: [fid_proxy, kid]

    Of a folder all images are taken, with those in its folders, without classes (`image_folder` has them). Arrays are
    `[n, H, W]`, `[n, H, W, C]` or `[n, C, H, W]` of bytes, of fractions in [0, 1], or with the value that is white
    declared. A column of Parquet holds encoded images (PNG, JPEG) as bytes, or as the Hugging Face hub has them, with
    their bytes inside; they are decoded when they are asked for. The order is that of the hashes of the images, so that
    `limit` takes images of all classes.

    Args:
        path: the folder, or the .npz, .npy or .parquet file.
        images: the array or column of images; by default images, image, x, inputs, samples or arr_0.
        labels: that of labels, whole numbers or names; by default labels, label, y, targets or arr_1, or none.
        labels_path: an .npy file of labels, beside images in another.
        classes: the names of the classes in order; by default the names that occur, or the numbers from 0 on.
        groups: arrays or columns that group the images.
        unknown: the group of images without a value in a table; by default they are refused.
        id: the array or column that names the images; by default they are numbered by row.
        layout: where the channels stand in an array, if that is not certain by its shape.
        white: the stored value that is white, where images are neither bytes nor fractions up to 1.
        mode: convert encoded images to RGB or to grey.
        size: height and width that all images are resized to.
        fit: at other proportions, cut out the middle, or stretch.
        resize: how they get that size: `pillow` is bilinear with antialiasing in 8 bits, of encoded images; the others
            resize the whole image as clean-fid, pytorch-fid and torch-fidelity do, not rounded to 8 bits.
        orientation: turn encoded images as EXIF says, or leave them as they are stored.
        background: the colour behind transparent pixels of encoded images.
        split: by the hash of each image, equal images together: 20 % test, 20 % validation, 60 % train.
        train_path: the images that models were trained on, in a folder or file that is read likewise.
        overlap: what is done where an image, by its pixels, is among those too: refuse, leave it out, or keep it.
        values: what group columns hold, such as {country: [NA, DE]}, text or number; by default text without codes for
            missing values such as NA, and with one spelling of each number.

    Raises:
        MissingData: there is no such file, or no image in the split.
        InvalidOutput: it cannot be used as it is, with what to declare.
    """
    conversion = Conversion(
        mode, None if size is None else (size[0], size[1]), fit, orientation, background, white, resize
    )
    about = ImageReading(
        images, labels, id, labels_path, classes, groups or (), unknown, layout, conversion, values=values or {}
    )
    part = part_of(stored_images(path, about), split, path.name)
    if train_path is None:
        return part
    return apart(part, stored_images(train_path, about), (path.name, train_path.name), overlap)


def apart(images: LazyImages, train: StoredImages, names: tuple[str, str], overlap: Overlap) -> LazyImages:
    """The images without those that are among the training images. Raises InvalidOutput if that is to be refused."""
    seen = (train.source.pixels(row).tobytes() for row in range(len(train)))
    own = (images.read(row).tobytes() for row in range(len(images.ids)))
    kept, repeated = apart_from_training(own, images.ids, seen, train.ids, names, overlap)
    return LazyImages(
        [images.ids[row] for row in kept],
        None if images.labels is None else images.labels[kept],
        images.shape,
        lambda position: images.read(kept[position]),
        {group: [column[row] for row in kept] for group, column in images.groups.items()},
        {**images.facts, **({"overlap": repeated} if repeated else {})},
    )


def part_of(stored: StoredImages, split: Split, name: str) -> LazyImages:
    """The images of a split in the order of their hashes. Raises MissingData if there are none."""
    n = len(stored)
    # Twice, rather than held.
    drawn, order = (of(map(stored.source.content, range(n))) for of in (parts_by_hash, order_by_hash))
    chosen = [row for row in order if split in ("all", drawn[row])]
    if not chosen:
        raise MissingData(f"{name} holds {n} images, none of them in the split {split!r}")
    return LazyImages(
        [stored.ids[row] for row in chosen],
        None if stored.labels is None else stored.labels[chosen],
        stored.source.shape,
        lambda position: stored.source.pixels(chosen[position]),
        {group: [column[row] for row in chosen] for group, column in stored.groups.items()},
        {**({} if stored.labels is None else {"classes": list(stored.classes)}), "box": [0.0, 1.0]},
    )
