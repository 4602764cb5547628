"""Measured less published clean accuracy: a check that model, data and preprocessing are those of the paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated

from annotated_types import Gt

from harness.api import MeasuredCell, Row, Status, proportion
from harness_vision.published_accuracy import PublishedAccuracy


class PublishedGap:
    """Measured clean accuracy less the published one; suspect where they differ on the whole test set.

    A row for each model without attack whose clean accuracy was published: measured less published.

    The row is `suspect` where the gap exceeds the tolerance on as many examples as were published, of the same data:
    then weights, data or preprocessing are not those of the publication. On fewer examples the gap is shown with the
    interval of the measured accuracy (Wilson 1927) and judged by the reader.

    Args:
        tolerance: the largest gap that rounding and other kernels explain.
    """

    def __init__(self, tolerance: Annotated[float, Gt(0)] = 0.0005) -> None:
        self.tolerance = tolerance

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """Return a row for each such cell."""
        for cell in cells:
            row = cell.row
            published = PublishedAccuracy.of_row(row.facts)
            treated = row.components.get("attack") is not None
            if published is None or treated or not row.status.is_measured or "correct" not in cell.records():
                continue
            yield self._row(cell, published)

    def _row(self, cell: MeasuredCell, published: PublishedAccuracy) -> Row:
        row = cell.row
        correct = cell.records().floats("correct")
        measured = proportion(float(correct.sum()), len(correct))
        assert measured.value is not None
        assert measured.low is not None
        assert measured.high is not None
        gap = measured.value - published.value
        estimate = replace(
            measured,
            value=gap,
            low=measured.low - published.value,
            high=measured.high - published.value,
            method="wilson, less the published value",
        )
        doubt = ""
        if _is_whole(row, published) and abs(gap) > self.tolerance:
            doubt = (
                f"clean accuracy is {measured.value:.4f}, published {published.value:.4f} ({published.source}) on the "
                f"same {published.n} examples: another model, other data or another preprocessing"
            )
        return Row(
            experiment=row.experiment,
            labels={**row.labels, "attack": "published gap"},
            seed=row.seed,
            status=Status.SUSPECT if doubt else Status.OK,
            reason=doubt,
            estimates={"published_gap": estimate},
            n=row.n,
            comparability=row.comparability,
            components=row.components,
            facts=row.facts,
        )


def _is_whole(row: Row, published: PublishedAccuracy) -> bool:
    """Whether it was measured on all the examples that were published."""
    data = str((row.components.get("data") or {}).get("name", "")).rpartition("/")[2]
    return row.n == published.n and published.data in ("", data)
