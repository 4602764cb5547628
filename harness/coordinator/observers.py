"""Telling plugins what happens in a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.isolation import Fault
from harness.plugins import Catalog


def notify_observers(catalog: Catalog, warn: Callable[[str], None], hook: str, **arguments: Any) -> None:
    """Call every plugin's implementation of a hook; one that raises is reported by `warn` and ignored."""
    for plugin, observe in catalog.implementations(hook):
        answer = observe(**arguments)
        if isinstance(answer, Fault):
            warn(f"plugin {plugin}: {hook}: {answer.reason}")
