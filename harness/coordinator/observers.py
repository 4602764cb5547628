"""Telling plugins what happens in a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from harness.contract.rows import Status
from harness.isolation import Fault
from harness.scoring.plugin_calls import Scoring

_MAX_ENDED = 3
"""How often a plugin may end its process; each time that takes seconds."""


class Observers:
    """Tells plugins what happens in a run; one that fails is reported and ignored.

    A plugin that takes too long, or ends its process several times, is told no more: a run has many cells.

    Args:
        scoring: calls plugins.
        warn: is told of failures.
    """

    def __init__(self, scoring: Scoring, warn: Callable[[str], None]) -> None:
        self._scoring, self._warn = scoring, warn
        self._ended: Counter[str] = Counter()

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call every plugin's implementation of a hook."""
        for plugin, _ in self._scoring.catalog.implementations(hook):
            if self._ended[plugin] < _MAX_ENDED:
                fault = self._scoring.calls.notify(plugin, hook, arguments)
                if fault is not None:
                    self._report(plugin, hook, fault)

    def _report(self, plugin: str, hook: str, fault: Fault) -> None:
        if fault.status is Status.TIMEOUT:
            self._ended[plugin] = _MAX_ENDED
        elif fault.status in (Status.CRASHED, Status.LOST):
            self._ended[plugin] += 1
        more = "; it is told no more in this run" if self._ended[plugin] >= _MAX_ENDED else ""
        self._warn(f"plugin {plugin}: {hook}: {fault.reason}{more}")
