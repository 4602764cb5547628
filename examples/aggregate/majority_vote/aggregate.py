"""A row for several models that vote on every example."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from harness.api import MeasuredCell, Row, Status, proportion


class MajorityVote:
    """Accuracy of the class that most models of the experiment give; of those with equally many, the first one."""

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """One row for each group of cells that differ in the model alone."""
        groups: dict[tuple[object, ...], list[MeasuredCell]] = {}
        for cell in cells:
            others = sorted(item for item in cell.row.labels.items() if item[0] != "model")
            groups.setdefault((cell.row.seed, *others), []).append(cell)
        for group in groups.values():
            if len(group) > 1 and all(cell.row.status.is_measured for cell in group):
                yield _row_of(group)


def _row_of(cells: Sequence[MeasuredCell]) -> Row:
    records = [cell.records() for cell in cells]
    labels = records[0]["label"]
    given = np.stack([each["clean_prediction"] for each in records])
    votes = np.stack([(given == label).sum(axis=0) for label in range(max(given.max(), labels.max()) + 1)])
    right = int((votes.argmax(axis=0) == labels).sum())
    first = cells[0].row
    models = sorted(str(cell.row.components.get("model")) for cell in cells)
    return Row(
        experiment=first.experiment,
        labels={**first.labels, "model": f"vote of {len(cells)} models"},
        seed=first.seed,
        status=Status.OK,
        estimates={"accuracy": proportion(right, len(labels))},
        n=len(labels),
        # Two votes stand side by side only if the same models took part.
        comparability={**first.comparability, "protocol": {**first.protocol, "voters": models}},
    )
