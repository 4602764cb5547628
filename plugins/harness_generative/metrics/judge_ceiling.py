"""What the judge says of real data that it was not trained on: the most that honest samples can reach."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from harness.api import MeasuredCell, Row, Status, proportion


class JudgeCeiling:
    """A row of real data: the accuracy of the judge on the held-out reference, which it was not trained on.

    A judge errs on real data too, so `condition_accuracy` of perfect samples is this number and not 1. Samples above it
    are easier to read than real data, as guided ones and those of few steps are. A copy of the training set shows what
    the judge knows by heart, and may reach 1. Wilson's interval over the examples of the reference.

    Args:
        metric: the column in which the accuracy stands.
    """

    def __init__(self, metric: str = "condition_accuracy") -> None:
        self._metric = metric

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """Yield one row for every reference, judge and seed; none where the reference has no labels."""
        made = set()
        for cell in cells:
            row = cell.row
            same = (row.labels.get("data", ""), row.protocol.get("judge"), row.seed)
            if row.status.is_measured and row.protocol.get("judge") is not None and same not in made:
                made.add(same)
                yield from self._rows_of(cell)

    def _rows_of(self, cell: MeasuredCell) -> Iterable[Row]:
        records = cell.records()
        try:
            judged, labels = (records.artifact(f"reference_{name}") for name in ("judged", "labels"))
        except KeyError:
            return
        row = cell.row
        protocol = {name: value for name, value in row.protocol.items() if name not in ("asked_for", "n_generated")}
        yield Row(
            experiment=row.experiment,
            labels={**{role: label for role, label in row.labels.items() if role == "data"}, "model": "real data"},
            seed=row.seed,
            status=Status.OK,
            estimates={self._metric: proportion(int(np.sum(judged == labels)), len(labels))},
            n=len(labels),
            comparability={**row.comparability, "protocol": {**protocol, "real_data": self._metric}},
            components={role: use for role, use in row.components.items() if role == "data"},
        )
