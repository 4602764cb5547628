"""Schedules of step sizes."""

from __future__ import annotations

import math


def cosine(first: float, last: float, share: float) -> float:
    """Cosine annealing from `first` (at share 0) to `last` (at share 1)."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2
