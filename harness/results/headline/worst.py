"""The values per example of a row that takes the worst of several cells, so that two such rows can be paired."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from harness.contract.rows import Row
from harness.results.comparison.compare import ExampleValues, Side

_TOLERANCE = 1e-6


def with_worst_cases(side: Side) -> Side:
    """The side of a comparison, which then also knows the values of derived rows that are the worst over cells."""
    return replace(side, values=_Values(side).of)


@dataclass(frozen=True)
class _Values:
    """Values per example of the rows of a side, each read once."""

    side: Side
    _read: dict[tuple[str, str], ExampleValues | None] = field(default_factory=dict)

    def of(self, row: Row, metric: str) -> ExampleValues | None:
        """The values of a metric at a row, cell or derived."""
        if row.derived:
            return self._of_worst(row, metric)
        key = row.cell, metric
        if key not in self._read:
            self._read[key] = self.side.values(row, metric)
        return self._read[key]

    def _of_worst(self, row: Row, metric: str) -> ExampleValues | None:
        """The smallest or the largest value of each example over the cells of a derived row.

        How the row was made is its aggregate's business, so that the values count only if their mean is its number.
        """
        value = row.estimates[metric].value
        members = [self.of(each, metric) for each in _cells_of(row, metric, self.side.rows)]
        known = [each for each in members if each is not None]
        if value is None or not known or len(known) < len(members):
            return None
        stacked = np.stack([_in_order(each, known[0].ids) for each in known]) if _same_ids(known) else None
        if stacked is None or np.isnan(stacked).any():
            return None
        for worst in (stacked.min(axis=0), stacked.max(axis=0)):
            if np.isclose(worst.mean(), value, rtol=_TOLERANCE, atol=_TOLERANCE):
                return ExampleValues(known[0].ids, worst)
        return None


def _cells_of(row: Row, metric: str, rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the cells with the model, the data, the seed and what is shown of a derived row, such as its threat."""
    for each in rows:
        same = all(each.labels.get(role) == row.labels.get(role) for role in ("model", "data"))
        is_alike = (each.experiment, each.seed, each.display) == (row.experiment, row.seed, row.display)
        is_cell = each.cell and not each.derived and each.status.is_measured
        if same and is_alike and is_cell and metric in each.estimates and each.estimates[metric].value is not None:
            yield each


def _same_ids(values: Sequence[ExampleValues]) -> bool:
    return all(set(each.ids) == set(values[0].ids) for each in values)


def _in_order(values: ExampleValues, ids: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    position = {name: i for i, name in enumerate(values.ids)}
    return np.asarray(values.values[[position[name] for name in ids]])
