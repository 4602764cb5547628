"""Which images there are, with their classes, groups and parts: by class folders, or by a table of paths and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NoReturn

from harness.api import GroupValues, InvalidOutput, MissingData, Table, Texts, read_groups, read_table
from harness.api.images import IMAGE_SUFFIXES, files_below, is_left

_PART_OF_FOLDER = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_SHOWN = 5


@dataclass(frozen=True)
class Listing:
    """The images of a folder.

    Attributes:
        names: their paths below the folder, with "/".
        labels: the position of each one's class.
        classes: the names of the classes.
        parts: the part that each belongs to; None where nothing says it.
        groups: group column to the group of each.
    """

    names: Sequence[str]
    labels: Sequence[int]
    classes: Sequence[str]
    parts: Sequence[str] | None = None
    groups: Mapping[str, Texts] = field(default_factory=dict)


@dataclass(frozen=True)
class Columns:
    """The columns of a table of images.

    Attributes:
        file, label: the path of each image below the folder, and its class.
        part: the part that it belongs to, if the table says it.
        groups: what images are grouped by.
        unknown: the group of images without a value; None refuses such rows.
        values: what the columns of groups hold, as `read_groups` takes it.
    """

    file: str
    label: str
    part: str | None = None
    groups: Sequence[str] = ()
    unknown: str | None = None
    values: Mapping[str, GroupValues] = field(default_factory=dict)


def by_folders(folder: Path, classes: Sequence[str] | None, *, with_parts: bool) -> Listing:
    """The images of class folders, or of class folders in folders such as train and test.

    Args:
        folder: holds them.
        classes: their names in order; by default all, in the order of text, as torchvision's ImageFolder has them.
        with_parts: the outermost folders are parts.

    Raises:
        MissingData: there is no such folder, or no class folder in it.
        InvalidOutput: an image stands in no class folder, a class has no images, or a folder is none of the classes.
    """
    if not folder.is_dir():
        raise MissingData(f"{folder} is no folder; `path:` must name the one that holds the class folders")
    depth = 2 if with_parts else 1
    files = [path.relative_to(folder) for path in files_below(folder)]
    stray = [path for path in files if len(path.parts) <= depth and path.suffix.lower() in IMAGE_SUFFIXES]
    if stray:
        _refuse(folder, "stand in no class folder", stray, "put each into a folder named by its class")
    files = [path for path in files if len(path.parts) > depth]
    found = _class_folders(folder, with_parts=with_parts)
    if not found:
        raise MissingData(
            f"{folder} holds no class folders; it must hold a folder of images for each class, or give `table:`"
        )
    counts = dict.fromkeys([*(classes or ()), *found], 0)
    for path in files:
        counts[path.parts[depth - 1]] += 1
    names = list(classes) if classes else sorted(found)
    unknown = [name for name in found if name not in names]
    if unknown:
        _refuse(folder, "are none of the `classes:`", unknown, "name them there, or take them out")
    empty = [name for name in names if not counts[name]]
    if empty and classes is None:
        _refuse(folder, "are class folders without a file", empty, "take them out, or name all `classes:`")
    return Listing(
        [path.as_posix() for path in files],
        [names.index(path.parts[depth - 1]) for path in files],
        names,
        [_part(folder, path.parts[0]) for path in files] if with_parts else None,
    )


def by_table(folder: Path, table: Path, columns: Columns, classes: Sequence[str] | None) -> Listing:
    """The images that a table names, with the columns that it has for them.

    Raises:
        MissingData: there is no such table.
        InvalidOutput: the table cannot be read, has no such column, names a file twice or one outside of the folder,
            or a label or part is missing or unknown.
    """
    optional = [columns.part] if columns.part else []
    rows = read_table(table, columns=[columns.file, columns.label, *optional, *columns.groups])
    names = list(rows.names(columns.file, "path"))
    for row, name in enumerate(names):
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            rows.refuse(row, f"{name!r} lies outside of {folder.name}; paths are counted from the folder in `path:`")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        _refuse(
            folder, f"are named by {table.name} and are not there", missing, "check `path:` and the column of paths"
        )
    classes, labels = _labels(rows, columns.label, classes)
    return Listing(
        [PurePosixPath(name).as_posix() for name in names],
        labels,
        classes,
        _parts(rows, columns.part) if columns.part else None,
        {
            name: Texts.coded(found.codes, found.levels)
            for name in columns.groups
            for found in [read_groups(rows, name, columns.unknown, columns.values.get(name))]
        },
    )


def _labels(rows: Table, column: str, classes: Sequence[str] | None) -> tuple[Sequence[str], list[int]]:
    found = rows.categories(column, "label")
    codes = found.codes.tolist()
    if -1 in codes:
        rows.refuse(codes.index(-1), "the label is missing")
    whole = all(level.isdecimal() for level in found.levels)
    names = list(classes) if classes else sorted(found.levels, key=int if whole else None)
    for code, level in enumerate(found.levels):
        if level not in names:
            rows.refuse(codes.index(code), f"the label {level!r} is none of the classes {', '.join(names[:_SHOWN])}")
    position = [names.index(level) for level in found.levels]
    return names, [position[code] for code in codes]


def _parts(rows: Table, column: str) -> list[str]:
    found = rows.categories(column, "part")
    parts = []
    for row, code in enumerate(found.codes.tolist()):
        part = _PART_OF_FOLDER.get(found.levels[code].casefold()) if code >= 0 else None
        if part is None:
            rows.refuse(row, f"the part is {found.levels[code]!r}" if code >= 0 else "the part is missing")
        parts.append(part)
    return parts


def _part(folder: Path, name: str) -> str:
    part = _PART_OF_FOLDER.get(name.casefold())
    if part is None:
        raise InvalidOutput(f"{folder}: the folder {name!r} is no part; they are named train, validation and test")
    return part


def _class_folders(folder: Path, *, with_parts: bool) -> list[str]:
    tops = [path for path in sorted(folder.iterdir()) if path.is_dir() and not is_left(path.name)]
    below = [inner for top in tops for inner in sorted(top.iterdir()) if inner.is_dir() and not is_left(inner.name)]
    return list(dict.fromkeys(path.name for path in (below if with_parts else tops)))


def _refuse(folder: Path, problem: str, names: Sequence[object], remedy: str) -> NoReturn:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    raise InvalidOutput(f"{folder}: {', '.join(map(str, names[:_SHOWN]))}{more} {problem}; {remedy}")
