"""Telling plugins what happens in a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.scoring.plugin_calls import Scoring


def notify_observers(scoring: Scoring, warn: Callable[[str], None], hook: str, **arguments: Any) -> None:
    """Call every plugin's implementation of a hook; one that fails is reported by `warn` and ignored."""
    for plugin, _ in scoring.catalog.implementations(hook):
        fault = scoring.calls.notify(plugin, hook, arguments)
        if fault is not None:
            warn(f"plugin {plugin}: {hook}: {fault.reason}")
