"""The inputs of two cache keys that differ, and the files that differ between two versions of a module's code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.store.import_closure import files_of_closure

_ABSENT = "absent"


@dataclass(frozen=True)
class Difference:
    """An input of a key that has changed, e.g. "cell.seed" or "code of plugin.attack: plugin/losses.py"."""

    field: str
    before: str
    after: str


def differences_between(before: Mapping[str, Any], after: Mapping[str, Any], store: Path) -> tuple[Difference, ...]:
    """Return what differs between the inputs of two keys.

    Args:
        before, after: the inputs.
        store: where the files of each version of the code are named.
    """
    then, now = deepcopy(dict(before)), deepcopy(dict(after))
    return (*_changed_code(then, now, store), *_differences(then, now))


def _changed_code(before: dict[str, Any], after: dict[str, Any], store: Path) -> Iterator[Difference]:
    """The files that differ between two versions of the same module's code, moved from digests to names.

    Modules whose versions are no longer in the store keep their digests.
    """
    changed: dict[Difference, list[str]] = {}
    for module in sorted(before["code"].keys() & after["code"].keys()):
        then, now = (files_of_closure(store, inputs["code"][module]) for inputs in (before, after))
        different = [file for file in sorted({*then, *now}) if then.get(file) != now.get(file)] if then and now else []
        for file in different:
            difference = Difference(file, _short(then.get(file, _ABSENT)), _short(now.get(file, _ABSENT)))
            changed.setdefault(difference, []).append(module)
        if different:
            del before["code"][module], after["code"][module]
    for difference, (first, *others) in changed.items():
        of = f"code of {first}{f' and {len(others)} more' if others else ''}"
        yield replace(difference, field=f"{of}: {difference.field}")


def _differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            inner = f"{path}.{name}" if path else str(name)
            yield from _differences(before.get(name, _ABSENT), after.get(name, _ABSENT), inner)
    elif before != after:
        yield Difference(path, _short(before), _short(after))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    # Digests are long and say no more than that they differ.
    is_digest = len(text) == 64 and all(c in "0123456789abcdef" for c in text)
    return text[:12] if is_digest else text
