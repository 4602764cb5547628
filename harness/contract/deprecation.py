"""Names that leave: they work for two more minor releases, and say what to use instead."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from typing_extensions import deprecated as warning_when_called

T = TypeVar("T", bound=Callable[..., Any])
KEPT_FOR_MINORS = 2
"""How many minor releases a name that leaves is kept for."""


@dataclass(frozen=True)
class Leaving:
    """Why a name warns.

    Attributes:
        instead: what to use, as code: a name with its module, or a call.
        since: the version of the public face in which it began to warn, (major, minor).
    """

    instead: str
    since: tuple[int, int]

    def message(self, name: str) -> str:
        """What users of the name are told."""
        major, minor = self.since
        kept = f"it is kept until {major}.{minor + KEPT_FOR_MINORS}"
        return f"{name} is deprecated since harness.api {major}.{minor}, use {self.instead}; {kept}"


def deprecated(instead: str, since: tuple[int, int]) -> Callable[[T], T]:
    """Mark a function or class as leaving: a call warns, once for every place that calls, and type checkers say it too.

        @deprecated("harness.api.proportion", since=(1, 3))
        def share(successes: int, n: int) -> Estimate: ...

    Args:
        instead: what to use, as code.
        since: the version of the public face from which on it warns.
    """

    def marked(target: T) -> T:
        message = Leaving(instead, since).message(f"{target.__module__}.{target.__qualname__}")
        return warning_when_called(message)(target)

    return marked


def moved_names(module: str, names: Mapping[str, Leaving]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module that some names have left: they come from where they are now, and warn.

    Args:
        module: which names have left.
        names: each with where it is now, "package.module.name".
    """

    def find(name: str) -> Any:
        leaving = names.get(name)
        if leaving is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(leaving.message(f"{module}.{name}"), DeprecationWarning, stacklevel=2)
        place, _, now = leaving.instead.rpartition(".")
        return getattr(importlib.import_module(place), now)  # keyed: left out, a plugin is to ask for it elsewhere

    return find
