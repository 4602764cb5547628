"""A dataset of the Hugging Face libraries: images, texts or tables, saved on disk, as Parquet files, or on the hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Len

from harness.api import (
    Dataset,
    Examples,
    GroupValues,
    HarnessError,
    InvalidOutput,
    Later,
    Overlap,
    SavedDataSet,
    Split,
    Texts,
    Uncounted,
    apart_from_training,
    labels_of_table,
    order_by_hash,
    parts_by_hash,
    read_groups,
    read_saved_data_set,
)
from harness.api.images import (
    Background,
    Conversion,
    Fit,
    ImageReading,
    Mode,
    Orientation,
    Resize,
    images_of_table,
)
from harness_vision.files.hub_download import hub_folder
from harness_vision.files.images import apart, part_of

_IMAGES, _TEXTS, _LABELS = ("image", "img"), ("text", "sentence"), ("label", "labels", "fine_label")


def hub_dataset(
    folder: Path | None = None,
    hub: str | None = None,
    revision: str | None = None,
    part: str | None = None,
    image: str | None = None,
    text: str | None = None,
    features: list[str] | None = None,
    label: str | None = None,
    id: str | None = None,
    classes: list[str] | None = None,
    groups: list[str] | None = None,
    unknown: str | None = None,
    mode: Mode | None = None,
    size: Annotated[list[Annotated[int, Ge(1)]], Len(2, 2)] | None = None,
    fit: Fit = "crop",
    resize: Resize = "pillow",
    orientation: Orientation | None = None,
    background: Background | None = None,
    white: Annotated[float, Gt(0)] | None = None,
    split: Split = "all",
    download: Annotated[bool, Uncounted()] = True,
    train_part: Annotated[str | None, Later()] = None,
    train_folder: Annotated[Path | None, Later()] = None,
    overlap: Annotated[Overlap, Later()] = "refuse",
    values: Annotated[dict[str, GroupValues] | None, Later()] = None,
) -> Dataset:
    """A Hugging Face data set of images, texts or tables: saved on disk, Parquet files, or an id on the hub.

    In a suite:

        suite: two-sets
        task: {use: generate, with: {features: [random_conv]}}
        data: {use: hub_dataset, with: {folder: my-saved-data, part: test}, limit: 1000}
        models: [{use: from_samples, with: {path: fake}}]
        samplers: [one_shot]
        metrics: [fid_proxy, kid]

    With `{hub: uoft-cs/cifar10, revision: COMMIT}` it comes from the hub; `classify` and `classify_text` take it too.
    Read are folders that `save_to_disk` of the library `datasets` wrote, and folders of Parquet files such as
    `data/train-00000-of-00001.parquet`; the library itself is not needed. Names of classes come with the data. Examples
    stand in the order of the hashes of their contents, so that `limit` takes some of all classes.

    Args:
        folder: of the data set; its content is hashed into the keys.
        hub: instead, its id on the hub, of whose files the Parquet ones are read.
        revision: on the hub: a commit of 40 digits.
        part: such as train or test, where there are several.
        image: the column of images, as `inputs`; by default image or img, if there is one.
        text: the column of texts, as `texts`; by default text or sentence, if there is one and no images.
        features: columns of numbers, as `inputs` `[n, columns]`.
        label: the column of classes; by default label, labels or fine_label, or none.
        id: the column that names the rows; by default they are numbered.
        classes: the names of the classes in order; by default as the data say, or the numbers from 0 on.
        groups: columns that group the examples.
        unknown: the group of rows without a value; by default they are refused.
        mode: convert images to RGB or to grey.
        size: height and width that all images are resized to.
        fit: at other proportions, cut out the middle, or stretch.
        resize: how: `pillow`, in 8 bits, or the whole image as clean-fid, pytorch-fid and torch-fidelity do it.
        orientation: turn images as EXIF says, or leave them as they are stored.
        background: the colour behind transparent pixels.
        white: the stored value that is white, of images of more than 8 bits.
        split: by the hash of the content, equal examples together: 20 % test, 20 % validation, 60 % train.
        download: fetch it from the hub if it is not in the cache.
        train_part: the part that models were trained on, of the same data set if `train_folder` names no other.
        train_folder: the folder of the data set that models were trained on.
        overlap: what is done where an example is, by its pixels, text or numbers, among those too: refuse, leave it
            out, or keep it.
        values: what group columns hold, such as {country: [NA, DE]}, text or number; by default text without codes for
            missing values such as NA, and with one spelling of each number.

    Raises:
        MissingData: it is not there, with the way to get it, or no example is left.
        InvalidOutput: it is damaged, or has no such part or column.
        HarnessError: neither folder nor id is given, or both, or the revision is no commit.
    """
    if bool(folder) == bool(hub):
        raise HarnessError("say where the data set is: its folder with `folder`, or else its id with `hub`")
    where = folder if folder is not None else hub_folder(hub or "", revision, download=download)
    saved = read_saved_data_set(where, part, hub)
    train = None
    if train_part is not None or train_folder is not None:
        train = read_saved_data_set(train_folder or where, train_part, None if train_folder else hub)
    both = (_named(saved, part), "" if train is None else _named(train, train_part))
    header = saved.table.header
    label = label or next((name for name in _LABELS if name in header), None)
    classes = classes or (None if label is None else list(saved.classes.get(label, ())) or None)
    image = image or _usual(saved, text, features)
    if image is not None:
        shape = None if size is None else (size[0], size[1])
        conversion = Conversion(mode, shape, fit, orientation, background, white, resize)
        reading = ImageReading(
            image, label, id, None, classes, groups or (), unknown, conversion=conversion, values=values or {}
        )
        images = part_of(images_of_table(saved.table, reading), split, saved.table.name)
        if train is None:
            return images
        return apart(images, images_of_table(train.table, ImageReading(image, conversion=conversion)), both, overlap)
    text = text or (None if features else next((name for name in _TEXTS if name in header), None))
    if text is None and not features:
        raise InvalidOutput(
            f"{saved.table.name} has neither images nor texts under the usual names; say `image:`, `text:` or "
            f"`features:`, of {', '.join(header)}"
        )
    contents, columns = _contents(saved, text, features)
    names, labels = ((), None) if label is None else labels_of_table(saved.table, label, classes)
    if labels is not None:
        columns["labels"] = labels
    ids = saved.table.names(id, "id") if id else Texts.numbered("row-", saved.table.n, 7)
    rows = _split(saved.table.name, contents, split)
    facts: dict[str, Any] = {"classes": list(names)} if len(names) else {}
    if train is not None:
        trained = _contents(train, text, features)[0]
        own, trained_ids = [contents[row] for row in rows], Texts.numbered("row-", train.table.n, 7)
        kept, repeated = apart_from_training(own, ids.take(rows), trained, trained_ids, both, overlap)
        rows, facts = [rows[place] for place in kept], facts | ({"overlap": repeated} if repeated else {})
    coded = {name: read_groups(saved.table, name, unknown, (values or {}).get(name)) for name in groups or ()}
    return Examples(
        ids.take(rows),
        {name: [of[row] for row in rows] if isinstance(of, list) else of[rows] for name, of in columns.items()},
        {name: Texts.coded(group.codes[rows], group.levels) for name, group in coded.items()},
        facts,
    )


def _named(saved: SavedDataSet, part: str | None) -> str:
    return saved.table.name if part is None else f"{saved.table.name} ({part})"


def _usual(saved: SavedDataSet, text: str | None, features: list[str] | None) -> str | None:
    """The column of images, where no other is asked for."""
    if text or features:
        return None
    told = [*saved.images, *(name for name in _IMAGES if name in saved.table.header)]
    return told[0] if told else None


def _contents(
    saved: SavedDataSet, text: str | None, features: list[str] | None
) -> tuple[Sequence[str | bytes], dict[str, Any]]:
    """What tells examples apart, and their columns."""
    return _texts(saved, text) if text is not None else _numbers(saved, features or [])


def _texts(saved: SavedDataSet, column: str) -> tuple[Sequence[str], dict[str, Any]]:
    texts = saved.table.texts(column, "texts", "missing")
    if None in texts:
        saved.table.refuse(texts.index(None), f"the text is missing (column {column!r})")
    contents = [str(each) for each in texts]
    return contents, {"texts": contents}


def _numbers(saved: SavedDataSet, names: Sequence[str]) -> tuple[Sequence[bytes], dict[str, Any]]:
    inputs = np.stack([saved.table.numbers(name, "features") for name in names], axis=1).astype(np.float32)
    return [row.tobytes() for row in inputs], {"inputs": inputs}


def _split(name: str, contents: Sequence[str | bytes], split: Split) -> list[int]:
    """The rows of a split in the order of the hashes of their contents. Raises InvalidOutput if there are none."""
    drawn = parts_by_hash(contents)
    rows = [row for row in order_by_hash(contents) if split in ("all", drawn[row])]
    if not rows:
        raise InvalidOutput(f"{name}: the split {split!r} has no rows of {len(contents)}")
    return rows
