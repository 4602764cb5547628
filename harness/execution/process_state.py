"""The state of the process between cells: what a cell leaves behind is named, and put back where that can be done."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from harness.execution.functions import Functions
from harness.execution.settings import COMPUTATION, UNKNOWN, Setting, python_settings, torch_settings

_MAX_NAMED = 3


class ProcessState:
    """The settings and functions that cells find, and must leave as they were.

    Args:
        packages: the packages of plugins.

    Attributes:
        is_spoilt: whether no other cell should run in this process.
        stuck: what an earlier cell has changed and could not be put back, in words; empty if nothing.
    """

    def __init__(self, packages: Collection[str] = ()) -> None:
        self.is_spoilt = False
        self.stuck = ""
        self._functions = Functions(packages)
        self._settings: list[tuple[Setting, Any]] = []

    def begin_cell(self) -> None:
        """Note how things are before a cell."""
        self._functions.note_new()
        settings = [*python_settings(), *(torch_settings() if "torch" in sys.modules else [])]
        self._settings = [(setting, setting.value()) for setting in settings]

    def end_cell(self) -> str:
        """Return in words what the cell has changed, empty if nothing, and put back what can be."""
        changed = self._different(restore=True)
        if changed:
            self.is_spoilt = True
            self.stuck = self._different(restore=False)
        return changed

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Accept what modules do while they are imported inside, but let no cell that does not import them meet it."""
        before = len(sys.modules)
        yield
        if len(sys.modules) != before and self._settings:
            if self._different(restore=False):
                self.is_spoilt = True
                self._functions = self._functions.anew()
            self.begin_cell()

    def _different(self, *, restore: bool) -> str:
        changed = [(each, value) for each, value in self._settings if value is not UNKNOWN and each.value() != value]
        replaced = self._functions.replaced(restore=restore)
        for setting, value in changed if restore else ():
            if setting.restore is not None:
                setting.restore(value)
        more = f" and {len(replaced) - _MAX_NAMED} more" if len(replaced) > _MAX_NAMED else ""
        functions = [f"other functions in the place of {', '.join(replaced[:_MAX_NAMED])}{more}"] if replaced else []
        # The computation is for what has no name of its own.
        names = [setting.name for setting, _ in changed]
        return ", ".join([*functions, *names[: len(names) - (len(names) > 1 and names[-1] == COMPUTATION)]])
