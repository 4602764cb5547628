"""Rows of random searches, made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.api import Estimate, MeasuredCell, Records, Row, Status

Scores = Sequence[Sequence[float | None]]


def rows(
    label: str,
    validation: Scores,
    test: Scores,
    parameters: Sequence[Mapping[str, Any]] | None = None,
    data: Sequence[str] = ("validation", "test"),
) -> list[Row]:
    """A row for each draw, seed and split; scores `[draws][seeds]`, None for a cell that failed."""
    made = []
    for split, scores in zip(data, (validation, test), strict=True):
        for draw, of_draw in enumerate(scores):
            given = parameters[draw] if parameters else {"width": 8 * (draw + 1), "steps": 10}
            for seed, score in enumerate(of_draw):
                estimate = None if score is None else Estimate(score, None, None, 0.95, "none", 100)
                made.append(
                    Row(
                        "e",
                        {"data": split, "model": f"{label} draw={draw}"},
                        seed,
                        Status.OK if estimate else Status.FAILED,
                        estimates={"accuracy": estimate} if estimate else {},
                        components={"model": {"name": "p/net", "parameters": given}},
                    )
                )
    return made


def cells(of: Sequence[Row]) -> list[MeasuredCell]:
    """The rows as cells without records."""
    return [MeasuredCell(row, "", lambda: Records.of({"id": []})) for row in of]
