"""What results depend on, as this process has it: the code that it imported, and the files while they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.contract.cells import Use
from harness.contract.errors import StoreError
from harness.loaded_code import Version
from harness.store.keys import key_of, versions_of
from harness.store.store import Store

CHANGED = "its code or files changed after the run was planned"


class Dependencies:
    """Watches what results depend on, from before they are computed until they are kept under a key.

    Args:
        make_inputs: makes the inputs of their key anew.
        uses: their components.
        store: its closures follow the code as it was imported.

    Attributes:
        inputs: the inputs of their key when they were made last; empty if a file could not be read.
        problem: why no inputs could be made; empty if they could.
    """

    def __init__(self, make_inputs: Callable[[], dict[str, Any]], uses: Sequence[Use], store: Store) -> None:
        self._make_inputs, self._uses, self._store = make_inputs, uses, store
        self.inputs: Mapping[str, Any] = {}
        self.problem = ""
        self._key = self._current_key()
        self.files = versions_of(uses)
        self._beside = store.data_files()

    def are_those_of(self, key: str) -> bool:
        """Whether a key stands for them as they were at first."""
        return self._key == key

    def stayed(self) -> bool:
        """Whether they are as they were at first: no other code was imported, and no file was replaced since."""
        is_same_code = self._current_key() == self._key
        return is_same_code and self.files == versions_of(self._uses) and self._beside == self._store.data_files()

    def _current_key(self) -> str:
        try:
            self.inputs, self.problem = self._make_inputs(), ""
        except StoreError as error:
            self.inputs, self.problem = {}, str(error)
            return ""
        return key_of(dict(self.inputs))


def changed_files(before: Mapping[Path, Version | None], now: Sequence[tuple[Path, Version | None]]) -> list[Path]:
    """Return the files that were read before as another version."""
    return [path for path, version in now if before.get(path, version) != version]
