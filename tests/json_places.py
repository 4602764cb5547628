"""Every place in a JSON document, and the document with another value there."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON document; the document itself is at no name."""
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield from places(each, (*at, name))


def put(document: Any, at: tuple[Any, ...], value: Any) -> Any:
    """A copy of the document with a value in a place."""
    if not at:
        return value
    changed = copy.deepcopy(document)
    inside = changed
    for name in at[:-1]:
        inside = inside[name]
    inside[at[-1]] = value
    return changed
