"""Record columns of neighbouring examples, put one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np


def joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The columns of all parts, each with the same names; of one part they are its own.

    A column is a list where it is one in any part, with the values missing there, as it is for all examples at once.
    """
    return {name: _joined([part[name] for part in parts]) for name in parts[0]}


def _joined(values: Sequence[Any]) -> Any:
    if len(values) == 1:
        return values[0]
    if all(isinstance(each, np.ndarray) for each in values):
        return np.concatenate(values)
    return list(chain.from_iterable(each.tolist() if isinstance(each, np.ndarray) else each for each in values))
