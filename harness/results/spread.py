"""Rows of a spread over seeds: apart from the others, since what is better of a metric says nothing of its spread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.contract.rows import Row

QUESTION = "How far do seeds differ? Standard deviations over seeds; less is steadier, whatever the metric."


def is_spread(row: Row) -> bool:
    """Whether the numbers of a row are standard deviations over seeds and not values of its metrics."""
    over = row.protocol.get("over_seeds")
    return isinstance(over, Mapping) and over.get("statistic") == "spread"


def parts_of(name: str, about: str, rows: Sequence[Row]) -> Iterator[tuple[str, str, list[Row], bool]]:
    """Yield (name, question, rows, whether its metrics have a direction) of the one or two tables of an experiment."""
    yield name, about, [row for row in rows if not is_spread(row)], True
    if spread := [row for row in rows if is_spread(row)]:
        yield f"{name}: spread", QUESTION, spread, False
