"""Settings of torch in processes that may not need it: its import takes as long as reading a million rows.

A setting is applied at once where torch is imported, else at the moment when something imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.instruments.late_imports import after_import, forget, imported


def is_module(thing: object) -> bool:
    """Whether this is a torch module."""
    torch = imported("torch")
    return torch is not None and isinstance(thing, torch.nn.Module)


def is_tensor(thing: object) -> bool:
    """Whether this is a tensor."""
    torch = imported("torch")
    return torch is not None and isinstance(thing, torch.Tensor)


def when_imported(action: Callable[[], None]) -> None:
    """Call an action now if torch is imported, else right after its import, before anything uses it."""
    after_import("torch", action)


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
        forget("torch", apply)
        for take_back in undo:
            take_back()
