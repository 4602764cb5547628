"""Whether models that learnt nothing but noise are at chance on new data, as they must be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.api import LEVEL, Estimate, MeasuredCell, Row, Status, mean, proportion
from harness_capacity.comparisons.sweeps import parameter

_COMPONENT = "relabelled"


@dataclass(frozen=True)
class _Judged:
    """A model trained on random labels alone, on examples that it was not trained on.

    Attributes:
        cell: its cell.
        accuracy: with Wilson's interval at a level that holds for all judged cells together.
        chance: one over the number of classes among the examples.
    """

    cell: MeasuredCell
    accuracy: Estimate
    chance: float

    @property
    def doubt(self) -> str:
        """Why its numbers are doubtful; empty if its accuracy is that of chance."""
        value, low, high = self.accuracy.value, self.accuracy.low, self.accuracy.high
        if value is None or low is None or high is None or low <= self.chance <= high:
            return ""
        side = "above" if value > self.chance else "below"
        return (
            f"leak: accuracy {value:.3f} [{low:.3f}, {high:.3f}] is {side} chance, {self.chance:.3f}, after "
            "training on random labels alone (test examples among the training data, or labels that are not random?)"
        )


class ChanceCheck:
    """Models trained on random labels alone must be at chance on test data; one that is not is suspect of a leak.

    Judged are cells whose model was trained on `relabelled` with `share: 1` and that hold other data. Chance must lie
    in Wilson's interval of their accuracy, at a level of 1 - 0.05 / m for m judged cells, so that a suite without
    any leak has a suspect row in 5 % of all cases at most. One row for all models on the same data: their mean
    accuracy beside chance, with Student's t interval over examples, which they share.
    """

    def doubts(self, cells: Sequence[MeasuredCell]) -> Mapping[str, Sequence[str]]:
        """The reason for doubt of each cell whose accuracy is not that of chance."""
        return {judged.cell.row.cell: [judged.doubt] for judged in _judged(cells) if judged.doubt}

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """One row for each set of test data."""
        of_data: dict[str, list[_Judged]] = {}
        for judged in _judged(cells):
            of_data.setdefault(judged.cell.row.key, []).append(judged)
        return [_row(judged) for judged in of_data.values()]


def _row(judged: Sequence[_Judged]) -> Row:
    first = judged[0].cell.row
    correct = np.mean([each.cell.records().floats("correct") for each in judged], axis=0)
    doubted = [each.cell.row.labels["model"] for each in judged if each.doubt]
    reason = f"leak: {len(doubted)} of {len(judged)} are not at chance: {', '.join(doubted[:3])}"
    return Row(
        experiment=first.experiment,
        labels={**first.labels, "model": f"{len(judged)} models of random labels, on new data"},
        seed=first.seed,
        status=Status.SUSPECT if doubted else Status.OK,
        reason=reason if doubted else "",
        estimates={"accuracy_after_noise": replace(mean(correct, least=0.0), null=judged[0].chance)},
        components=first.components,
    )


def _judged(cells: Sequence[MeasuredCell]) -> list[_Judged]:
    chosen = [cell for cell in cells if cell.row.status.is_measured and cell.row.n and _learnt_noise(cell.row)]
    level = 1 - (1 - LEVEL) / max(1, len(chosen))
    judged = []
    for cell in chosen:
        records = cell.records()
        correct = records.floats("correct")
        chance = 1 / len(np.unique(records["label"]))
        judged.append(_Judged(cell, proportion(float(correct.sum()), len(correct), level=level), chance))
    return judged


def _learnt_noise(row: Row) -> bool:
    """Whether its model was trained on random labels alone and it holds test data."""
    trained_on = (row.components.get("model") or {}).get("trained_on") or {}
    noise = _is(trained_on) and parameter(row.components, "model.trained_on.share") == 1
    data = row.components.get("data") or {}
    return noise and not (_is(data) and parameter(row.components, "data.split") == "train")


def _is(use: Mapping[str, object]) -> bool:
    return str(use.get("name", "")).rpartition("/")[2] == _COMPONENT
