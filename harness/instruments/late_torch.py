"""Settings of torch in processes that may not need it: its import takes as long as reading a million rows.

A setting is applied at once where torch is imported, else at the moment when something imports it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_waiting: list[Callable[[], None]] = []


def is_module(thing: object) -> bool:
    """Whether this is a torch module."""
    torch = _imported()
    return torch is not None and isinstance(thing, torch.nn.Module)


def is_tensor(thing: object) -> bool:
    """Whether this is a tensor."""
    torch = _imported()
    return torch is not None and isinstance(thing, torch.Tensor)


def when_imported(action: Callable[[], None]) -> None:
    """Call an action now if torch is imported, else right after its import, before anything uses it."""
    if _imported() is not None:
        action()
        return
    _waiting.append(action)
    if not any(isinstance(finder, _TorchFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _TorchFinder())


@contextmanager
def applied(setting: Callable[[], Callable[[], None]]) -> Iterator[None]:
    """Apply a setting inside, from torch's import on, and take it back afterwards.

    Args:
        setting: applies it, and returns what takes it back.
    """
    undo: list[Callable[[], None]] = []

    def apply() -> None:
        undo.append(setting())

    when_imported(apply)
    try:
        yield
    finally:
        if apply in _waiting:
            _waiting.remove(apply)
        for take_back in undo:
            take_back()


def _imported() -> Any:
    """torch, if it is imported to its end; else None."""
    torch = sys.modules.get("torch")
    return None if torch is None or getattr(torch.__spec__, "_initializing", False) else torch


class _TorchFinder:
    """Finds torch as Python does, and has its import end with what waits for it.

    Who only looks for it, as keys do, changes nothing.
    """

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module  # keyed: torch, whose version enters every key

            def exec_module(module: ModuleType) -> None:
                execute(module)
                sys.meta_path.remove(self)
                while _waiting:
                    _waiting.pop(0)()

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]  # keyed: as above
        return spec
