"""The outcome of one check of a component."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "wrong", "not checked"]


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: what was checked.
        state: whether it holds; "not checked" where it could not be tried.
        reason: what is wrong and what to do, or why it was not tried; empty if it holds.
    """

    check: str
    state: State
    reason: str = ""

    @property
    def is_fine(self) -> bool:
        """Whether nothing was found against it."""
        return self.state != "wrong"

    def __str__(self) -> str:
        return f"{self.check}: {self.state}{f': {self.reason}' if self.reason else ''}"


def said(check: str, faults: Sequence[str]) -> Finding:
    """The outcome of a check that found these faults."""
    return Finding(check, "wrong" if faults else "ok", "; ".join(faults))
