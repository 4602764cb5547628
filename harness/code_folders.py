"""Modules in the folders of plugins and suites: found before the working directory, never before what is installed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_FOUND_HERE = "found in a folder of plugins or suites"


class FolderFinder:
    """Finds top-level modules in folders, for `sys.meta_path`.

    Attributes:
        folders: in the order in which they are searched.
    """

    def __init__(self) -> None:
        self.folders: tuple[str, ...] = ()

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The spec of a top-level module in one of the folders; None for any other."""
        spec = None if path is not None else spec_in(self.folders, name)
        if spec is not None:
            spec.loader_state = _FOUND_HERE
        return spec


def spec_in(folders: Sequence[str], name: str) -> ModuleSpec | None:
    """The spec of a top-level module in folders; None if it is not there, or is Python's or an installed package."""
    if not folders or name in sys.stdlib_module_names:
        return None
    spec = PathFinder.find_spec(name, list(folders))
    if spec is None or (spec.origin is None and not _holds_code(spec)):
        return None
    other = PathFinder.find_spec(name)
    if other is not None and other.origin != spec.origin and (spec.origin is None or are_installed(_files_of(other))):
        return None
    return spec


def _holds_code(spec: ModuleSpec) -> bool:
    """Whether a folder without `__init__.py` has modules in it; another is no package, such as a folder of logs."""
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    return any(any(folder.glob(pattern)) for folder in folders for pattern in ("*.py", "*/*.py"))


def _files_of(spec: ModuleSpec) -> list[Path]:
    return [Path(folder) for folder in spec.submodule_search_locations or ()] or [Path(spec.origin or "")]


def are_installed(tops: Sequence[Path]) -> bool:
    """Whether top-level modules lie where distributions are installed, and so have a version."""
    # `pip install --target` puts what it knows of a distribution beside it, under any name of the folder.
    return any({"site-packages", "dist-packages"} & {*top.parts} or any(top.parent.glob("*.dist-info")) for top in tops)


def make_importable(folders: Sequence[str | Path], *, afresh: bool = False) -> None:
    """Let modules in these folders be imported, these folders first.

    Args:
        folders: absolute; several that have a module of one name are looked up in order.
        afresh: forget other folders, and have modules found there before read again.
    """
    finder = next((each for each in sys.meta_path if isinstance(each, FolderFinder)), None)
    if finder is None:
        finder = FolderFinder()
        sys.meta_path.insert(0, finder)
    if afresh:
        for name in [name for name in sys.modules if imported_from_folder(name.partition(".")[0])]:
            del sys.modules[name]
        finder.folders = ()
    finder.folders = tuple(dict.fromkeys((*map(str, folders), *finder.folders)))


def imported_from_folder(top: str) -> bool:
    """Whether a top-level module was imported from a folder by its name, as a helper is."""
    spec = getattr(sys.modules.get(top), "__spec__", None)
    return getattr(spec, "loader_state", None) == _FOUND_HERE


def find_module(folders: Sequence[str], module: str) -> ModuleSpec | None:
    """The spec of a module, found without importing anything: in the folders, then where Python looks."""
    top, *below = module.split(".")
    try:
        spec = spec_in(folders, top) or importlib.util.find_spec(top)
        for name in below:
            spec = PathFinder.find_spec(name, spec.submodule_search_locations) if _is_package(spec) else None  # type: ignore[union-attr]
    except (ImportError, ValueError):
        return None
    return spec


def _is_package(spec: ModuleSpec | None) -> bool:
    return spec is not None and spec.submodule_search_locations is not None


def name_taken_by(folders: Sequence[str], top: str) -> str:
    """The file of another module that is imported under the name of one in the folders; empty if there is none."""
    spec, loaded = spec_in(folders, top), sys.modules.get(top)
    file = getattr(loaded, "__file__", None)
    if spec is None or spec.origin is None or file is None:
        return ""
    return "" if Path(file).resolve() == Path(spec.origin).resolve() else str(file)
