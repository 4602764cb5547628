"""Protocols of tasks and of what is made of their records: metrics, aggregates, reporters.

Capabilities are protocols, not base classes. A task says in the annotations of its `run` what it needs of a
model, an attack says it in the annotation of its `perturb`; what a model's class does not offer is skipped in
the plan with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from harness.contract.estimates import Estimate
from harness.contract.records import Records

if TYPE_CHECKING:
    from harness.contract.rows import MeasuredCell, Row

Direction = Literal["max", "min", "none"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a task on one cell.

    Attributes:
        records: columns of equal length, one row per example, with a unique string column `id`. None is a
            missing value; NaN is an error.
        protocol: what must be equal before two numbers of this task may stand side by side, besides data,
            task and metric: the threat model, the sampler's settings. Goes into the comparability key.
        cost: effort per example, shown in the table, e.g. {"passes": 41.0}.
        artifacts: arrays (saved as .npy) or bytes (saved under their name, e.g. "grid.png").
        display: columns that tables show beside the numbers, heading to text, e.g. {"threat": "linf ≤ 0.1"}.
        problems: rules that were broken; any makes the cell `invalid`.
        doubts: why the numbers may not mean what they say, such as an attack whose gradients were zero; any makes the
            cell `suspect`, which keeps and shows its numbers, marked.
    """

    records: Mapping[str, Any]
    protocol: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)
    artifacts: Mapping[str, Any] = field(default_factory=dict)
    display: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


class Task(Protocol):
    """A task: it runs components and returns records.

    The signature of `run` names the roles that a cell of this task has: `model`, `data`, `attack`, `sampler`,
    each optional, and `ctx` for the `Context`. A role annotated `X | None` may be left out by a suite; the
    protocol X says what the component must offer.

    A task may declare record columns that depend on a role, as `columns_with = {"attack": ("robust",)}` where they
    are there only under an attack, and `columns_without` where they are there only without. A metric that needs such a
    column where no cell has it is then refused in the suite.
    """

    run: Callable[..., Outcome]


class Metric(Protocol):
    """A number computed from the records of one cell.

    Attributes:
        columns: record columns it needs; where one is absent the metric does not apply to the cell.
        direction: whether more is better ("max"), less is ("min"), or neither ("none").
        unit: e.g. "fraction", "bits/byte"; empty for a plain number.
    """

    columns: Sequence[str]
    direction: Direction
    unit: str

    def estimate(self, records: Records) -> Estimate:
        """The value with its interval. An undefined value is `Estimate.undefined(reason)`, never 0 or NaN."""


@runtime_checkable
class Summed(Protocol):
    """A metric that is an increasing function of a ratio of two sums over examples, such as perplexity."""

    def sums(self, records: Records) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Numerators and denominators `[len(records)]`; NaN in both where an example does not count."""


@runtime_checkable
class PerExample(Protocol):
    """A metric that is the mean of one value per example; what lets two runs be compared example by example."""

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """`[len(records)]`: NaN where an example does not count; the metric's value is the mean of the others."""


class Aggregate(Protocol):
    """Rows computed from the records of several cells, e.g. the worst case over attacks."""

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """Rows to append to the table of an experiment."""


@runtime_checkable
class Doubting(Protocol):
    """An aggregate that finds, by comparing cells, that the numbers of some may be misleading."""

    def doubts(self, cells: Sequence[MeasuredCell]) -> Mapping[str, Sequence[str]]:
        """Return cell id to reasons for doubt; such a cell that was measured is then `suspect` in all results."""


class Reporter(Protocol):
    """Files made of the rows of a run, e.g. a plot."""

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """Write into the folder; return the paths written."""


@runtime_checkable
class CellReporter(Protocol):
    """A reporter that reads records, e.g. a reliability diagram; `report_cells` is called instead of `report`."""

    def report_cells(self, cells: Sequence[MeasuredCell], folder: Path) -> Iterable[Path]:
        """Write into the folder; return the paths written. A cell whose `row.n` is None has no records."""
