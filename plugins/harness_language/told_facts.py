"""Whether a model knows the facts that it was told, without which nothing follows from what it makes up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from annotated_types import Gt, Le

from harness.api import MeasuredCell, Row

_PART = "group.part"
_TOLD, _NOT_TOLD = "seen", frozenset({"unseen", "made_up"})


class ToldFacts:
    """Doubts what a model says of facts that it was not told, unless it knows those that it was told.

    On questions of `knowledge_base`: confident answers about unknown people are hallucination if the same model, with
    the same seed, answers nearly all questions about facts of its training. If it does not, its answers about the
    others are `suspect`, since they may be bad learning alone. No rows.

    Args:
        least: the share of told facts that must be known.
    """

    def __init__(self, least: Annotated[float, Gt(0), Le(1)] = 0.95) -> None:
        self._least = least

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """None."""
        return ()

    def doubts(self, cells: Sequence[MeasuredCell]) -> Mapping[str, Sequence[str]]:
        """The reason for doubt of each cell whose model does not know what it was told, or of which that is unknown."""
        known: dict[Any, list[float]] = {}
        asked: list[tuple[Any, MeasuredCell]] = []
        for cell in cells:
            parts = list(_parts(cell))
            who = _model_of(cell.row)
            known.setdefault(who, []).extend(right for part, right in parts if part == _TOLD)
            if any(part in _NOT_TOLD for part, _ in parts):
                asked.append((who, cell))
        reasons = ((cell.row.cell, self._reason(known[who])) for who, cell in asked)
        return {name: [reason] for name, reason in reasons if reason}

    def _reason(self, right: Sequence[float]) -> str:
        if not right:
            return "made-up facts: the model was not asked what it was told (ask the part `seen` too, unattacked)"
        share = sum(right) / len(right)
        if share >= self._least:
            return ""
        return (
            f"made-up facts: the model knows {share:.3f} of the {len(right)} facts that it was told and asked for, "
            f"fewer than {self._least:g} (train it for longer, or what it makes up may be bad learning)"
        )


def _parts(cell: MeasuredCell) -> Iterator[tuple[str, float]]:
    """The part of each question of a cell and whether its answer is right; none for other data."""
    if not cell.row.status.is_measured or not cell.row.n:
        return
    records = cell.records()
    if _PART in records and "correct" in records:
        for part, right in zip(records[_PART].tolist(), records.floats("correct").tolist(), strict=True):
            # Told facts are asked for as they are: what an attack does to them says nothing of what was learned.
            if right == right and not (part == _TOLD and cell.row.components.get("attack")):
                yield str(part), right


def _model_of(row: Row) -> tuple[str, str, int]:
    return row.experiment, row.labels.get("model", ""), row.seed
