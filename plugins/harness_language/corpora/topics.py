"""English prose that ships with CPython: the help topics of `pydoc`."""

from __future__ import annotations

import hashlib
import platform
from typing import Literal

from harness.api import Examples

_SHARES = {"train": 0.8, "validation": 0.1, "held_out": 0.1}


def topics(split: Literal["train", "validation", "held_out"] = "held_out") -> Examples:
    """The help topics of this Python, one document each; which split a topic is in depends on its name only.

    Args:
        split: four in five topics to learn from, one in ten to choose by, one in ten to judge by.
    """
    from pydoc_data.topics import topics as found

    texts = {name: text.strip() for name, text in sorted(found.items())}
    chosen = [name for name in texts if _split_of(name) == split]
    whole = hashlib.sha256("\0".join(f"{name}\0{text}" for name, text in texts.items()).encode()).hexdigest()
    return Examples(
        ids=chosen,
        columns={"texts": [texts[name] for name in chosen]},
        facts={"source": "pydoc_data.topics", "sha256": whole, "python": platform.python_version()},
    )


def _split_of(name: str) -> str:
    drawn = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
    for split, share in _SHARES.items():
        if drawn < share:
            return split
        drawn -= share
    return "held_out"
