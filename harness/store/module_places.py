"""Finding the source files of modules without importing them, and which of them are followed."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from harness.code_folders import are_installed, spec_in
from harness.loaded_code import Version, version_of


@dataclass(frozen=True)
class Place:
    """The location of a module.

    Attributes:
        path: its source; None for a namespace package.
        folders: of a package, where its modules are looked up; empty for any other module.
    """

    path: Path | None
    folders: tuple[str, ...]

    @property
    def is_installed(self) -> bool:
        """Whether a top-level module lies where distributions are installed, and so has a version."""
        return are_installed([Path(folder) for folder in self.folders] or ([self.path] if self.path else []))

    def name_of(self, module: str) -> str:
        """Return the path of a module relative to the folder of its top-level package, e.g. "plugin/attack.py"."""
        parts = module.split(".") if self.folders else module.split(".")[:-1]
        return "/".join([*parts, self.path.name if self.path else ""])


class Places:
    """Finds the sources of modules, each once.

    Args:
        plugins: top-level packages to follow even where they are installed.
        folders: where top-level modules are looked up first; these are followed.
    """

    def __init__(self, plugins: frozenset[str], folders: Sequence[str] = ()) -> None:
        self._plugins, self._folders = plugins, tuple(folders)
        self._followed: dict[str, bool] = {}
        self._places: dict[str, Place | None] = {}
        self._data: dict[str, dict[Path, tuple[Version | None, str]]] = {}

    def absolute(self, module: str, name: str, level: int) -> str:
        """Return the module that an import in `module` means by a name after `level` dots."""
        if level == 0:
            return name
        place = self.find(module)
        parts = module.split(".")
        package = parts[: len(parts) - level + bool(place and place.folders)]
        return ".".join([*package, *([name] if name else [])])

    def follows(self, module: str) -> bool:
        """Whether the code of a module counts, rather than the version of its distribution."""
        top = module.partition(".")[0]
        if top not in self._followed:
            place = None if top in sys.stdlib_module_names else self.find(top)
            is_beside = spec_in(self._folders, top) is not None
            self._followed[top] = top in self._plugins or is_beside or (place is not None and not place.is_installed)
        return self._followed[top]

    def find(self, module: str) -> Place | None:
        """Return the location of a module; None if there is no such module."""
        if module not in self._places:
            self._places[module] = self._search(module)
        return self._places[module]

    def _search(self, module: str) -> Place | None:
        parent, _, name = module.rpartition(".")
        above = self.find(parent) if parent else None
        try:
            if parent:
                # By its last name, since for a full one the parent would have to be imported.
                spec = PathFinder.find_spec(name, above.folders) if above and above.folders else None
            else:
                spec = spec_in(self._folders, module) or _top_level_spec(module)
        except (ImportError, ValueError):
            return None
        if spec is None or (spec.origin in ("built-in", "frozen")):
            return None
        folders = tuple(spec.submodule_search_locations or ())
        return Place(Path(spec.origin) if spec.has_location and spec.origin else None, folders)

    def modules_in(self, package: str) -> Iterator[str]:
        """Every module of a package; for a module that lies in one of the folders, also those beside it and below."""
        yield package
        beside = spec_in(self._folders, package)
        if beside is not None and beside.origin is not None and beside.submodule_search_locations is None:
            yield from _modules_below(Path(beside.origin).parent)
        place = self.find(package)
        for folder in place.folders if place else ():
            for path in Path(folder).rglob("*.py"):
                parts = path.relative_to(folder).with_suffix("").parts
                yield ".".join((package, *(parts[:-1] if parts[-1] == "__init__" else parts)))

    def data_files(self, package: str) -> dict[str, str]:
        """The digest of every file of a package that is no code, by its path."""
        known = self._data.setdefault(package, {})
        digests = {}
        for path, above in self._data_paths(package):
            if path not in known:
                # The version first: a file that is replaced meanwhile must not pass for the one that was read.
                known[path] = (version_of(path), hashlib.sha256(path.read_bytes()).hexdigest())
            digests[path.relative_to(above).as_posix()] = known[path][1]
        return digests

    def versions_of_data_files(self) -> tuple[Any, ...]:
        """The versions of all files that `data_files` has read, and of those that have come since."""
        return tuple((path, version_of(path)) for package in self._data for path, _ in self._data_paths(package))

    def forget_changed_data(self) -> bool:
        """Have files be read again where one has changed; whether one has."""
        known = {path: version for files in self._data.values() for path, (version, _) in files.items()}
        changed = bool(self._data) and known != dict(self.versions_of_data_files())
        if changed:
            self._data.clear()
        return changed

    def _data_paths(self, package: str) -> Iterator[tuple[Path, Path]]:
        """Yield every file of a package that is no code, with the folder that the package lies in."""
        place = self.find(package)
        for folder in place.folders if place else ():
            for path in sorted(Path(folder).rglob("*")):
                if path.suffix not in (".py", ".pyc") and path.is_file():
                    yield path, Path(folder).parent


def _modules_below(folder: Path) -> Iterator[str]:
    """The modules in a folder and in folders below it, but for environments and what is hidden."""
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py":
            yield path.stem
        elif path.is_dir() and path.name.isidentifier() and not (path / "pyvenv.cfg").exists():
            yield from (f"{path.name}.{below}" for below in _modules_below(path))


def _top_level_spec(module: str) -> ModuleSpec | None:
    # A plugin from a folder is found among the imported modules only, and a script has no spec.
    loaded = sys.modules.get(module)
    spec: ModuleSpec | None = getattr(loaded, "__spec__", None)
    path = getattr(loaded, "__file__", None)
    if spec is None and path is not None:
        return importlib.util.spec_from_file_location(module, path)
    return spec or importlib.util.find_spec(module)
