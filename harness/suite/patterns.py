"""Patterns of labels: `*` stands for any text, and a number matches however it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

_FLOAT = re.compile(r"(?<==)[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?(?= |$)")


def float_in_label(value: float) -> str:
    """Return a float as labels have it: with 4 significant digits, 1.0 as 1."""
    return f"{value:.4g}"


def matches(labels: Mapping[str, str], patterns: Mapping[str, str]) -> bool:
    """Return whether the label of every role matches its pattern; `share=1.0` and `share=1` are the same."""
    return all(fnmatchcase(_spelt(labels.get(role, "")), _spelt(pattern)) for role, pattern in patterns.items())


def _spelt(text: str) -> str:
    """The text with each float as labels have it."""
    return _FLOAT.sub(lambda match: float_in_label(float(match[0])), text)
