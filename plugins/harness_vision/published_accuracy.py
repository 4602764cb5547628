"""The published clean accuracy of a model, as a fact of the model that its row records."""

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
    """The accuracy of a model on a test set as its authors published it.

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
        """Add it to the facts of the model, which the core records beside its row."""
        facts = model.facts if isinstance(model, Described) else {}
        model.facts = {**facts, FACT: asdict(self)}  # type: ignore[assignment]

    @classmethod
    def of_row(cls, facts: Mapping[str, Any]) -> PublishedAccuracy | None:
        """Read it from the facts of a row; None if they have none."""
        published = facts.get("model", {}).get(FACT)
        return cls(**published) if published else None
