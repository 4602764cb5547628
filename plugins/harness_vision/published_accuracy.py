"""What was published about a model's clean accuracy, as the model carries it and the row records it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from harness.api import Described

FACT = "published_accuracy"
"""The fact under which a row records it."""


@dataclass(frozen=True)
class PublishedAccuracy:
    """The share of a test set that a model gets right, as its authors say.

    Attributes:
        value: from 0 to 1.
        n: how many examples they measured; None if they do not say.
        data: the dataset component that holds them; empty if none does or it is not known.
        source: who says so.
    """

    value: float
    n: int | None = None
    data: str = ""
    source: str = ""

    def note_on(self, model: nn.Module) -> None:
        """Make it a fact of the model, which the core records beside its row."""
        said = model.facts if isinstance(model, Described) else {}
        model.facts = {**said, FACT: asdict(self)}  # type: ignore[assignment]

    @classmethod
    def of_row(cls, facts: Mapping[str, Any]) -> PublishedAccuracy | None:
        """What the facts of a row say, or None."""
        said = facts.get("model", {}).get(FACT)
        return cls(**said) if said else None
