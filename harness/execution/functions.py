"""The functions and constants of torch, NumPy, the core and the plugins, to tell whether a cell put others there."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Collection, Iterator
from operator import is_
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

_LIBRARIES = (
    *("torch", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch._C._nn", "torch.linalg", "torch.special"),
    *("torch.fft", "torch.autograd", "torch.random", "torch.optim", "torch.utils.data"),
    *("numpy", "numpy.random", "numpy.linalg", "builtins", "math", "random", "json", "hashlib"),
)
_CONSTANTS = (int, float, str, bytes, tuple, frozenset)


class Functions:
    """The functions and constants of modules and of their classes, as they were when they were first seen.

    Args:
        packages: the packages of the core and the plugins, all modules of which are looked at.
    """

    def __init__(self, packages: Collection[str]) -> None:
        self._packages = {"harness", *packages}
        self._seen: set[str] = set()
        self._modules: dict[str, ModuleType] = {}
        self._owners: dict[int, tuple[Any, dict[str, Any]]] = {}
        self._tables: list[tuple[str, dict[Any, Any], dict[Any, Any]]] = []
        self._codes: list[tuple[FunctionType, Any, Any]] = []

    def anew(self) -> Functions:
        """A look that knows nothing yet."""
        return Functions(self._packages)

    def note_new(self) -> None:
        """Take in the modules that were imported since the last look."""
        new = sys.modules.keys() - self._seen
        self._seen |= new
        for name in new:
            module = sys.modules[name]
            is_watched = name in _LIBRARIES or name.partition(".")[0] in self._packages
            if is_watched and isinstance(module, ModuleType):
                self._modules[name] = module
                for owner in (module, *_classes(module, name)):
                    self._note(owner)

    def replaced(self, *, restore: bool) -> list[str]:
        """The names of functions that are others than at first; with `restore` the first ones are put back."""
        names = [name for name, module in self._modules.items() if sys.modules.get(name) is not module]
        if restore:
            sys.modules.update({name: self._modules[name] for name in names})
        for owner, known in self._owners.values():
            for name in _changed(owner, known):
                names.append(f"{_name(owner)}.{name}")
                if restore:
                    _restore(owner, name, known)
        for function, code, defaults in self._codes:
            if function.__code__ is not code or function.__defaults__ is not defaults:
                names.append(f"{function.__module__}.{function.__qualname__}")
                if restore:
                    function.__code__, function.__defaults__ = code, defaults
        for name, table, entries in self._tables:
            if len(table) != len(entries) or any(table.get(key, table) is not value for key, value in entries.items()):
                names.append(name)
                if restore:
                    table.clear()
                    table.update(entries)
        return names

    def _note(self, owner: Any) -> None:
        if id(owner) not in self._owners:
            known = _functions(owner)
            self._owners[id(owner)] = owner, known
            functions = [value for value in known.values() if isinstance(value, FunctionType)]
            self._codes += [(each, each.__code__, each.__defaults__) for each in functions]
            self._tables += [
                (f"{_name(owner)}.{name}", value, dict(value))
                for name, value in vars(owner).items()
                if isinstance(value, dict) and name.isupper()
            ]


def _classes(module: ModuleType, name: str) -> Iterator[type]:
    # The classes of torch are listed in modules other than their own.
    library = name.partition(".")[0] if name in _LIBRARIES else ""
    for value in list(vars(module).values()):
        if isinstance(value, type):
            home = getattr(value, "__module__", "") or ""
            if home == name or (library == "torch" and home.partition(".")[0] == "torch"):
                yield value


def _functions(owner: Any) -> dict[str, Any]:
    """The functions, classes, properties and constants of a module or class."""
    kinds = (property, staticmethod, classmethod) if isinstance(owner, type) else ()
    return {
        name: value
        for name, value in list(vars(owner).items())
        if callable(value) or isinstance(value, kinds) or (name.isupper() and isinstance(value, _CONSTANTS))
    }


def _changed(owner: Any, known: dict[str, Any]) -> list[str]:
    now = vars(owner)
    # Nearly always all are the same, which a loop in C finds out: this runs on a thousand owners after every cell.
    is_same = all(map(is_, map(now.get, known), known.values()))
    changed = [] if is_same else [name for name, value in known.items() if now.get(name) is not value]
    if isinstance(owner, type) and len(now) > len(known) and owner.__module__.partition(".")[0] == "torch":
        # A method that hides an inherited one, as of the C class below a tensor.
        added = [name for name in now.keys() - known.keys() if callable(now[name])]
        changed += sorted(name for name in added if any(hasattr(base, name) for base in owner.__bases__))
    return [name for name in changed if not _is_by_torch(name, now.get(name))]


def _is_by_torch(name: str, function: Any) -> bool:
    """Whether torch itself has put this function there in the place of another, as for its compiler and profiler."""
    code = getattr(function, "__code__", None)
    if code is None:
        # The default dtype sets it.
        return name == "Storage"
    import torch

    folder, file = Path(inspect.getfile(torch)).parent, Path(code.co_filename)
    is_same_name = str(function.__qualname__).rpartition(".")[2] == name
    return file.is_relative_to(folder / "_dynamo") or (file.is_relative_to(folder) and is_same_name)


def _restore(owner: Any, name: str, known: dict[str, Any]) -> None:
    if name in known:
        setattr(owner, name, known[name])
    else:
        delattr(owner, name)


def _name(owner: Any) -> str:
    return f"{owner.__module__}.{owner.__qualname__}" if isinstance(owner, type) else str(owner.__name__)
