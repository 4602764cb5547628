"""Names that leave: they work for two more minor releases, and say what to use instead."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from typing_extensions import deprecated as warning_when_called

T = TypeVar("T", bound=Callable[..., Any])
KEPT_FOR_MINORS = 2
"""How many minor releases a name that leaves is kept for."""


def _told(name: str, instead: str, since: tuple[int, int]) -> str:
    """What users of a name are told."""
    major, minor = since
    kept = f"it is kept until {major}.{minor + KEPT_FOR_MINORS}"
    return f"{name} is deprecated since harness.api {major}.{minor}, use {instead}; {kept}"


def deprecated(instead: str, since: tuple[int, int]) -> Callable[[T], T]:
    """Mark a function or class as leaving: a call warns, once for every place that calls, and type checkers say it too.

        @deprecated("harness.api.proportion", since=(1, 3))
        def share(successes: int, n: int) -> Estimate: ...

    Args:
        instead: what to use, as code.
        since: the version of the public face from which on it warns.
    """

    def marked(target: T) -> T:
        message = _told(f"{target.__module__}.{target.__qualname__}", instead, since)
        return warning_when_called(message)(target)

    return marked


def warn_of_leaving(name: str, instead: str, since: tuple[int, int]) -> None:
    """Warn whoever asks the module that calls this for a name that has left it.

    Args:
        name: with its module.
        instead, since: as those of `deprecated`.
    """
    warnings.warn(_told(name, instead, since), DeprecationWarning, stacklevel=3)
