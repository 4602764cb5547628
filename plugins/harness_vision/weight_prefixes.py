"""Prefixes that a wrapped network puts before the names of its weights."""

from __future__ import annotations

import re
from collections.abc import Collection

FACT = "prefix_of_weights"
"""The fact under which a row records the prefix that was taken off."""
_WRAPPERS = re.compile(r"(?:module|_orig_mod|model|net|network)\.")
"""DataParallel, `torch.compile`, and the usual attributes of a training class such as Lightning's."""
_COUNTER = "num_batches_tracked"
"""Batch normalisation of old files lacks it, which loading allows."""


def wrapper_prefix(names: Collection[str], wanted: Collection[str]) -> str:
    """The prefix without which the names of weights are the wanted ones; empty if there is none.

    Args:
        names: of the weights in a file.
        wanted: of the weights of the network, as it names them itself.
    """
    prefixes = _prefixes(next(iter(names), ""))
    return next((prefix for prefix in prefixes if _essential(names, prefix) == _essential(wanted)), "")


def _prefixes(name: str) -> list[str]:
    """None, and what one, two, ... wrappers put before a name."""
    ends = [0]
    while match := _WRAPPERS.match(name, ends[-1]):
        ends.append(match.end())
    return [name[:end] for end in ends]


def _essential(names: Collection[str], prefix: str = "") -> set[str]:
    """The names without the prefix; one that does not carry it stays as it is, with a mark that no name has."""
    kept = (name[len(prefix) :] if name.startswith(prefix) else f"\0{name}" for name in names)
    return {name for name in kept if not name.endswith(_COUNTER)}
