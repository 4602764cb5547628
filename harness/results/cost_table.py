"""What the models of a run took: parameters, operations for an example, training, as a table beside the results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.contract.cost_block import CostBlock
from harness.contract.rows import Row
from harness.results.table import UNDEFINED, number

_PREFIXES = ("", "k", "M", "G", "T", "P")
_THOUSAND = 1000


@dataclass(frozen=True)
class CostColumn:
    """A column of the table of costs.

    Attributes:
        heading: what it is, with its unit.
        value: the number in a cost block; None where it is not known.
        text: the number as it is shown.
    """

    heading: str
    value: Callable[[CostBlock], float | None]
    text: Callable[[float], str]


@dataclass(frozen=True)
class ModelCost:
    """What a model took, as the rows of one experiment say.

    Attributes:
        labels: experiment, data and model.
        blocks: one for each training, or one where nothing was trained.
    """

    labels: tuple[str, str, str]
    blocks: tuple[CostBlock, ...]

    def value(self, column: CostColumn) -> float | None:
        """The mean over trainings of a number; None where any does not know it."""
        values = [value for block in self.blocks if (value := column.value(block)) is not None]
        return fmean(values) if len(values) == len(self.blocks) else None


def short(value: float) -> str:
    """A number with a prefix of thousands, such as 110.6 k."""
    power = 0
    while abs(value) >= _THOUSAND and power < len(_PREFIXES) - 1:
        value, power = value / _THOUSAND, power + 1
    return f"{number(value)} {_PREFIXES[power]}".strip()


COLUMNS = (
    CostColumn("parameters", lambda block: block.parameters, short),
    CostColumn("FLOPs per example", lambda block: block.flops, short),
    CostColumn("training s", lambda block: block.training_seconds, number),
    CostColumn("training memory", lambda block: block.training_peak_memory, lambda value: f"{short(value)}B"),
    CostColumn("training J", lambda block: block.training_joules, short),
)
LABELS = ("experiment", "data", "model")


def model_costs(rows: Sequence[Row]) -> list[ModelCost]:
    """The models of these rows that have a cost block, in their order; several seeds are one line."""
    trainings: dict[tuple[str, str, str], dict[tuple[int, str], CostBlock]] = {}
    for row in rows:
        if not row.derived and "cost" in row.facts and "model" in row.labels:
            labels = (row.experiment, row.labels.get("data", ""), row.labels["model"])
            trainings.setdefault(labels, {}).setdefault((row.seed, row.trained_weights), row.cost_block)
    return [ModelCost(labels, tuple(blocks.values())) for labels, blocks in trainings.items()]


def cost_texts(costs: Sequence[ModelCost]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the table of costs; columns in which nothing is known are left out."""
    labels, columns = shown_labels(costs), shown_columns(costs)
    body = [
        [*(cost.labels[LABELS.index(label)] for label in labels), *(cell(cost, column)[0] for column in columns)]
        for cost in costs
    ]
    return [*labels, *(column.heading for column in columns)], body


def shown_labels(costs: Sequence[ModelCost]) -> list[str]:
    """The labels that differ between lines, and the model."""
    return [name for i, name in enumerate(LABELS) if name == "model" or len({cost.labels[i] for cost in costs}) > 1]


def shown_columns(costs: Sequence[ModelCost]) -> list[CostColumn]:
    """The columns in which something is known."""
    return [column for column in COLUMNS if any(cost.value(column) is not None for cost in costs)]


def cell(cost: ModelCost, column: CostColumn) -> tuple[str, float | None]:
    """Text and value of a cell."""
    value = cost.value(column)
    return (UNDEFINED, None) if value is None else (column.text(value), value)


def cost_notes(costs: Sequence[ModelCost]) -> list[str]:
    """What to know of the numbers: what is counted in which call, what is not, and where energy was read."""
    blocks = [block for cost in costs for block in cost.blocks]
    calls = dict.fromkeys(block.flops_call for block in blocks if block.flops is not None)
    notes = [f"a multiply-add is 2 FLOPs, counted in {', '.join(calls)}"] if calls else []
    by_reason: dict[str, dict[str, None]] = {}
    for cost in costs:
        for block in cost.blocks:
            if block.flops_reason:
                by_reason.setdefault(block.flops_reason, {})[cost.labels[-1]] = None
    notes += [f"FLOPs of {', '.join(models)}: {reason}" for reason, models in by_reason.items()]
    sources = dict.fromkeys(block.energy_source for block in blocks if block.energy_source)
    return [*notes, f"energy: {'; '.join(sources)}"] if sources else notes
