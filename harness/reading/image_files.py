"""The image files of a folder, with those in its folders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.contract.errors import InvalidOutput, MissingData
from harness.reading.image_decoding import Conversion, Damaged, Undeclared
from harness.reading.image_resizing import Pixels

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
_LOSSY = (".jpg", ".jpeg")
_BESIDE = (".txt", ".md", ".json", ".jsonl", ".csv", ".tsv", ".yaml", ".yml", ".log")
"""Endings of what stands beside images without being one, such as their captions."""
_NOT_DATA = ("thumbs.db", "desktop.ini", "__macosx")
_SHOWN = 3


def files_below(folder: Path) -> Iterator[Path]:
    """The files below a folder in the order of their paths, without those that systems leave.

    Raises:
        InvalidOutput: a link to a folder is among them, since keys do not count what it leads to, or one to nothing.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and not path.exists():
            raise InvalidOutput(f"{path} is a link to what is not there; mend it, or take it out")
        if path.is_symlink() and path.is_dir():
            raise InvalidOutput(f"{path} is a link to a folder, which is not followed; put the images there themselves")
        if path.is_file() and not any(is_left(part) for part in path.relative_to(folder).parts):
            yield path


def is_left(name: str) -> bool:
    """Whether a file or folder of this name is left by a system, and no data."""
    return name.startswith(".") or name.casefold() in _NOT_DATA


def image_files(folder: Path) -> list[str]:
    """The paths of the images below a folder, with "/", sorted; captions and notes beside them are passed over.

    Raises:
        MissingData: there is no image.
        InvalidOutput: a file is neither image nor note, by its ending.
    """
    names = [path.relative_to(folder).as_posix() for path in files_below(folder) if path.suffix.lower() not in _BESIDE]
    if not names:
        raise MissingData(f"{folder} holds no images ({', '.join(IMAGE_SUFFIXES)})")
    strange = [name for name in names if not name.lower().endswith(IMAGE_SUFFIXES)]
    if strange:
        raise InvalidOutput(f"{folder}: {some(strange)} are no images by their ending; take them out")
    return names


@dataclass(frozen=True)
class FolderImages:
    """Images in files of one folder, each decoded when it is asked for.

    Attributes:
        folder: that they are in.
        names: their paths below it.
        conversion: what is done to each.
        shape: channels, height and width of each.
    """

    folder: Path
    names: list[str]
    conversion: Conversion
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, folder: Path, conversion: Conversion) -> FolderImages:
        """All images below a folder, of whose files the heads are read.

        Raises:
            MissingData: there is none.
            InvalidOutput: one cannot be used as it is, or is of another size than the first, with its name.
        """
        names = image_files(folder)
        shapes = [_shape_of(folder, name, conversion) for name in names]
        for name, shape in zip(names, shapes, strict=True):
            if shape != shapes[0]:
                sizes = [f"{each} is {'x'.join(map(str, of))}" for each, of in ((names[0], shapes[0]), (name, shape))]
                remedy = "`mode: rgb` or grey" if shape[0] != shapes[0][0] else "`size: [HEIGHT, WIDTH]` and `resize:`"
                raise InvalidOutput(
                    f"{folder}: images of several kinds: {', '.join(sizes)} (channels, height, width); say {remedy}"
                )
        return cls(folder, names, conversion, shapes[0])

    def __len__(self) -> int:
        return len(self.names)

    @property
    def white(self) -> float:
        """The stored value that is white."""
        return self.conversion.white or 255.0

    def content(self, row: int) -> bytes:
        """The file of an image."""
        return (self.folder / self.names[row]).read_bytes()

    def is_lossy(self, row: int) -> bool:
        """Whether an image was stored with loss, as JPEG does."""
        return self.names[row].lower().endswith(_LOSSY)

    def pixels(self, row: int) -> Pixels:
        """An image, float32 `[C, H, W]` in [0, 1]. Raises InvalidOutput with its name."""
        try:
            return self.conversion.pixels_of(self.content(row))
        except (Damaged, Undeclared, OSError) as error:
            raise InvalidOutput(f"{self.folder / self.names[row]} {error}; mend it or take it out") from error


def _shape_of(folder: Path, name: str, conversion: Conversion) -> tuple[int, int, int]:
    try:
        return conversion.shape_of((folder / name).read_bytes())
    except (Damaged, Undeclared, OSError) as error:
        raise InvalidOutput(f"{folder / name} {error}") from error


def some(texts: list[str]) -> str:
    """The first of these texts, and how many more there are."""
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more
