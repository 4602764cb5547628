"""The folder of pinned files: the one that a suite names, one below $HARNESS_DATA, else a cache."""

from __future__ import annotations

import os
from pathlib import Path

from harness.api import default_folder

HARNESS_DATA = "HARNESS_DATA"


def data_folder(dataset: str, below: str, names: tuple[str, ...], folder: Path | None) -> Path:
    """The folder to read a pinned file from. Its content is checked, so that where it lies cannot change a result.

    Args:
        dataset: names the folder in the user's cache.
        below: the folder below $HARNESS_DATA that may hold it.
        names: its file names; any of them will do.
        folder: the folder that the suite names, which is preferred.
    """
    if folder is not None:
        return folder
    data = os.environ.get(HARNESS_DATA)
    if data and any((Path(data) / below / name).exists() for name in names):
        return Path(data) / below
    return default_folder(dataset)
