"""Truth values by their names: true, True and TRUE are one value, in whichever spelling a column holds it."""

from __future__ import annotations

from typing import Literal

Truth = Literal["true", "false"]


def truth_of(text: str) -> Truth | None:
    """The truth value that a text names in any case, such as TRUE; None for other texts."""
    folded = text.strip().casefold()
    return "true" if folded == "true" else "false" if folded == "false" else None
