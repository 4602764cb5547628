"""Facts of sources, kept on disk under the hash of the source: parsing hundreds of files takes seconds.

They are kept in the store and once more in the user's cache, so that a new results folder does not begin with seconds
of parsing what did not change.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import sys
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from harness.files import default_folder, read_checked, write_checked
from harness.store import module_facts
from harness.store.module_facts import Facts, read_facts

_MAX_SOURCES = 5000
"""Number of sources whose facts are kept; beyond it, those that were not used are dropped."""


class FactsIndex:
    """Facts by source, and the distributions that installed packages come from.

    One file, written whole; of two processes that write at once, the facts of one are lost and then read again.

    Args:
        folder: where the file lies, beside the copy in the user's cache; None to keep nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._used: dict[str, list[Any]] = {}
        self._has_changed = False

    def facts(self, source: bytes, *, is_package: bool) -> tuple[str, Facts]:
        """Return the hash of a source, and its facts."""
        name = hashlib.sha256(source).hexdigest()
        key = f"{name}p" if is_package else name
        stored = self._used.get(key) or self._stored["facts"].get(key)
        facts = read_facts(source, is_package=is_package) if stored is None else Facts.from_json(stored)
        self._has_changed |= stored is None
        self._used[key] = stored or facts.to_json()
        return name, facts

    @cached_property
    def distributions(self) -> dict[str, list[str]]:
        """The distributions of each importable package that is installed."""
        seen = hashlib.sha256(repr([(path, _installed_in(path)) for path in sys.path]).encode()).hexdigest()
        if self._stored["installed"] != seen:
            self._stored.update(installed=seen, distributions=_distributions(seen))
            self._has_changed = True
        distributions: dict[str, list[str]] = self._stored["distributions"]
        return distributions

    def save(self) -> None:
        """Write the facts if any are new; a folder that cannot be written is ignored."""
        if not self._has_changed:
            return
        facts = {**self._stored["facts"], **self._used}
        self._stored["facts"] = self._used if len(facts) > _MAX_SOURCES else facts
        content = json.dumps(self._stored).encode()
        for path in self._paths:
            with suppress(OSError):
                write_checked(path, content)
        self._has_changed = False

    @cached_property
    def _paths(self) -> list[Path]:
        """The file in the store, and its copy in the user's cache, one for each environment."""
        if self._folder is None:
            return []
        # Syntax trees are spelt differently by other versions of Python, and facts by other versions of this reader.
        reader = hashlib.sha256(Path(str(module_facts.__file__)).read_bytes()).hexdigest()  # keyed: it is imported too
        name = f"imports-{sys.version_info.major}.{sys.version_info.minor}-{reader[:12]}"
        environment = hashlib.sha256(sys.prefix.encode()).hexdigest()
        return [self._folder / f"{name}.json", default_folder("sources") / f"{name}-{environment[:12]}.json"]

    @cached_property
    def _stored(self) -> dict[str, Any]:
        contents = [_content(path) for path in self._paths]
        self._has_changed = None in contents
        content = next(filter(None, contents), None)
        return json.loads(content) if content else {"facts": {}, "installed": "", "distributions": {}}


def _content(path: Path) -> bytes | None:
    with suppress(OSError):  # For instance of a cache that another user may not read.
        return read_checked(path)
    return None


def _installed_in(path: str) -> list[tuple[str, int]]:
    """The distributions in a folder with the time of each; not that of the folder, which may be where results go."""
    with suppress(OSError), os.scandir(path or ".") as entries:
        found = (entry for entry in entries if entry.name.endswith((".dist-info", ".egg-info", ".egg")))
        return sorted((entry.name, entry.stat().st_mtime_ns) for entry in found)
    return []


@cache
def _distributions(seen: str) -> dict[str, list[str]]:
    """Return the distributions of each package; cached by `seen`, the state of the folders, as reading is slow."""
    return {name: sorted(set(of)) for name, of in importlib.metadata.packages_distributions().items()}
