"""Actions that wait for the import of a module which may never be imported.

An action runs at once where the module is imported already, else when its import ends and before anything uses it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_waiting: dict[str, list[Callable[[], None]]] = {}


def imported(name: str) -> Any:
    """A module, if it is imported to its end; else None."""
    module = sys.modules.get(name)
    return None if module is None or getattr(module.__spec__, "_initializing", False) else module


def after_import(name: str, action: Callable[[], None]) -> None:
    """Call an action now if a module is imported, else right after its import."""
    if imported(name) is not None:
        action()
        return
    _waiting.setdefault(name, []).append(action)
    if not any(isinstance(finder, _LateFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _LateFinder())


def forget(name: str, action: Callable[[], None]) -> None:
    """Let an action wait no longer, if it does."""
    with suppress(ValueError):
        _waiting.get(name, []).remove(action)


class _LateFinder:
    """Finds what is waited for as Python does, and has its import end with what waits for it.

    Who only looks for a module, as keys do, changes nothing.
    """

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in _waiting:
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module  # keyed: a library, whose version enters every key

            def exec_module(module: ModuleType) -> None:
                execute(module)
                for action in _waiting.pop(name, []):
                    action()
                if not _waiting and self in sys.meta_path:
                    sys.meta_path.remove(self)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]  # keyed: as above
        return spec
