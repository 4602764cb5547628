"""Modules as they were when they were imported here, whatever their files hold by now.

Files may be edited while a run goes on. A key that was made of an edited file would stand for code that nobody ran.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import cache_from_source
from pathlib import Path
from types import CodeType, ModuleType

Version = tuple[int, int, int]
_INSTALLED = ("site-packages", "dist-packages")


def version_of(path: str | Path) -> Version | None:
    """Return what tells two versions of a file apart: time, size and inode; None if it is not there."""
    try:
        stat = Path(path).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


@dataclass(frozen=True)
class _Source:
    """A source that was imported; of an installed module its version only, for there are thousands."""

    version: Version | None
    content: bytes | None

    @classmethod
    def read(cls, path: str) -> _Source:
        version = version_of(path)
        if any(part in _INSTALLED for part in Path(path).parts):
            return cls(version, None)
        try:
            return cls(version, Path(path).read_bytes())
        except OSError:
            return cls(None, None)


class _Recorder:
    """Finds modules as Python does, for `sys.meta_path`, and keeps the sources that they are made of."""

    def __init__(self) -> None:
        self.sources: dict[str, _Source] = {}
        self.n_imports = 0
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if path and path.endswith(".py") and module.__name__.partition(".")[0] not in sys.stdlib_module_names:
                self.note(path, _Source.read(path))

    def note(self, path: str, source: _Source) -> None:
        self.sources[_resolved(path)] = source
        self.n_imports += 1

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The spec that the finders after this one make."""
        if name.partition(".")[0] in sys.stdlib_module_names:
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            find = getattr(finder, "find_spec", None)
            if find is not None and (spec := find(name, path, target)) is not None:
                return self.recording(spec)
        return None

    def recording(self, spec: ModuleSpec) -> ModuleSpec:
        """The spec, with a loader that keeps the source."""
        if type(spec.loader) is SourceFileLoader:
            spec.loader = _RecordingLoader(spec.loader.name, spec.loader.path, self)
        return spec


class _RecordingLoader(SourceFileLoader):
    """Loads a module as Python does, and keeps the source that it is made of."""

    def __init__(self, name: str, path: str, recorder: _Recorder) -> None:
        super().__init__(name, path)
        self._recorder = recorder

    def get_code(self, fullname: str) -> CodeType | None:
        """The code of the module."""
        path = str(self.path)
        source = _Source.read(path)
        if source.content is not None:
            _remove_outdated_code(path)
        code = super().get_code(fullname)
        self._recorder.note(path, source if source.version == version_of(path) else _Source(None, None))
        return code


def _remove_outdated_code(path: str) -> None:
    """Remove compiled code that may be that of an older source: it counts whole seconds, in which a file can change."""
    compiled = Path(cache_from_source(path))
    made, source = version_of(compiled), version_of(path)
    if made is not None and source is not None and made[0] <= source[0]:
        with suppress(OSError):
            compiled.unlink()


def record_imports() -> None:
    """From now on, keep the sources of modules that are imported; of those that are there already, as they are now."""
    recorder = _recorder() or _Recorder()
    sys.meta_path[:] = [recorder, *(finder for finder in sys.meta_path if finder is not recorder)]


def recording(spec: ModuleSpec) -> ModuleSpec:
    """Return a spec that was made without a finder, so that the source of its module is kept too."""
    recorder = _recorder()
    return spec if recorder is None else recorder.recording(spec)


def n_imports() -> int:
    """The number of imports that were recorded, which rises with each."""
    recorder = _recorder()
    return 0 if recorder is None else recorder.n_imports


def source_of(path: Path) -> bytes:
    """Return the source that was imported from a file; the file as it is now if it was not imported. Raises OSError.

    What cannot be told, since an installed file has changed since or a file while it was imported, equals no source.
    """
    recorder = _recorder()
    source = recorder.sources.get(_resolved(str(path))) if recorder else None
    if source is None:
        return path.read_bytes()
    if source.content is not None:
        return source.content
    if source.version is not None and source.version == version_of(path):
        return path.read_bytes()
    return b"\0changed since it was imported\0" + repr(version_of(path)).encode()


class LoadedSources:
    """The sources that were imported: of some packages, and of all that is not installed.

    Args:
        packages: top-level packages to name even where they are installed.

    Attributes:
        hashes: the hash of each, by file, as far as `new` was asked.
    """

    def __init__(self, packages: Collection[str]) -> None:
        self.hashes: dict[str, str] = {}
        self._packages, self._n_imports = packages, -1

    def new(self) -> dict[str, str]:
        """Return those that were imported since this was asked last, by file."""
        count = n_imports()
        if count == self._n_imports:
            return {}
        self._n_imports = count
        paths = {path for name, module in list(sys.modules.items()) if (path := self._path(name, module))}
        new = {}
        for path in paths - self.hashes.keys():
            with suppress(OSError):
                new[path] = hashlib.sha256(source_of(Path(path))).hexdigest()
        self.hashes |= new
        return new

    def _path(self, name: str, module: ModuleType) -> str:
        path, top = getattr(module, "__file__", None) or "", name.partition(".")[0]
        if not path.endswith(".py") or top in sys.stdlib_module_names:
            return ""
        return path if top in self._packages or not any(part in path for part in _INSTALLED) else ""


def _recorder() -> _Recorder | None:
    return next((finder for finder in sys.meta_path if isinstance(finder, _Recorder)), None)


def _resolved(path: str) -> str:
    return path if any(part in path for part in _INSTALLED) else str(Path(path).resolve())
