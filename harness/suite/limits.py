"""How large a suite may be: a few lines can ask for more than any memory holds, which is said before it is taken."""

from __future__ import annotations

import math
from collections.abc import Iterable

MAX_CELLS = 200_000
"""Cells of an experiment; a plan of so many takes 10 seconds and a gigabyte."""
MAX_VARIANTS = 100_000
"""Components that one entry may stand for."""
MAX_MEMBERS = 1_000
"""Independent copies of a component in another one, such as the members of an ensemble."""
MAX_BYTES = 20_000_000
"""Size of a suite file."""
SPLIT_UP = "sweep fewer values, or split the suite"


def too_many(counts: Iterable[int], most: int, what: str) -> str:
    """Return why the product of these counts is too large, with the numbers; empty if it is not.

    Args:
        counts: how many choices there are of each part.
        most: the limit.
        what: what there would be too many of, e.g. "cells".
    """
    counts = [count for count in counts if count != 1]
    product = math.prod(counts)
    if product <= most:
        return ""
    factors = f" ({' × '.join(f'{count:,}' for count in counts)})" if len(counts) > 1 else ""
    return f"{product:,} {what}{factors} are more than the {most:,} that are possible"
