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
        missing: examples of the data that there is no record of, by why, e.g. {"longer than the window": ["doc-7"]}.
            Two rows that miss others are not compared.
    """

    records: Mapping[str, Any]
    protocol: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)
    artifacts: Mapping[str, Any] = field(default_factory=dict)
    display: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Task(Protocol):
    """A task: it runs components and returns records.

    The signature of `run` names the roles that a cell of this task has: `model`, `data`, `attack`, `sampler`,
    `attribution`, each optional, and `ctx` for the `Context`. A role annotated `X | None` may be left out by a suite;
    the protocol X says what the component must offer.

    Its records are of the examples of its data, one of each, with its id; what it leaves out it names as `missing`. A
    task whose records are of something else says of what: `records_of = "samples"`. Attributes in which it keeps what
    it could make anew it names: `remembers = ("_features",)`; if others change, the next cell has a new task.

    A task may declare the columns that its records may have, as `columns = ("id", "label", "group.*")`, where a name
    that ends in `*` stands for all that begin so. Those that depend on a role or on a parameter of the task stand in
    `columns_with = {"attack": ("robust",)}` if they are there only under an attack, and in `columns_without` if only
    without. A metric that needs a column that no cell has is then refused in the suite. A task whose columns are those
    of the data declares none.

    A task that scores outputs which its data hold names those columns: `outputs = ("completions",)`. They are what is
    compared, so the identity of the data is that of all else, such as prompts and references, column by column; `()`
    says that the data hold documents alone.
    """

    run: Callable[..., Outcome]


class Metric(Protocol):
    """A number computed from the records of one cell.

    Attributes:
        columns: record columns it needs; where one is absent the metric does not apply to the cell.
        direction: whether more is better ("max"), less is ("min"), or neither ("none").
        unit: e.g. "fraction", "bits/byte"; empty for a plain number. A fraction lies between 0 and 1, and so do its
            intervals; a class whose fractions do not, such as a difference, says so by an attribute `limits`, (-1, 1).
    """

    columns: Sequence[str]
    direction: Direction
    unit: str

    def estimate(self, records: Records) -> Estimate:
        """The value with its interval. An undefined value is `Estimate.undefined(reason)`, never 0 or NaN.

        Raises:
            NotApplicable: the metric does not apply to records of this kind, as `Estimate.not_applicable` says too.
        """


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


@dataclass(frozen=True, slots=True)
class Influences:
    """What each piece of data adds to the deviation of an estimate from its expectation.

    Attributes:
        parts: by what was drawn ("records", "reference"), contributions `[n]` whose squares add up, over all parts,
            to the variance of the estimate. Those of "records" are in the order of the records; those of another name
            are in an order that two cells share if they share that part.
        freedom: degrees of freedom of that variance; None if there are many.
    """

    parts: Mapping[str, npt.NDArray[np.float64]]
    freedom: int | None = None


@runtime_checkable
class Influential(Protocol):
    """A metric of whole sets, such as a distance, that lets two runs be compared over the data that they share."""

    def influences(self, records: Records) -> Influences | None:
        """The contributions to its estimate; None where it has no interval."""


@runtime_checkable
class Clustered(Protocol):
    """A metric of rows that are not independent, such as the utterances of one speaker.

    Attributes:
        clusters: the column whose values are permuted as a whole where groups are compared; it may be a group column,
            without `group.`. None, or a column that the records do not have: each row is its own. Several columns:
            each row belongs to as many clusters, such as a pair to two identities, and nothing can be permuted.
    """

    @property
    def clusters(self) -> str | Sequence[str] | None:
        """The name of the column."""


@runtime_checkable
class Grouped(Protocol):
    """A metric that compares groups itself, or is of one group; it has no value within the groups of a suite.

    Attributes:
        group: a group column, or several joined by `*`; None if it is of all records.
    """

    @property
    def group(self) -> str | None:
        """The name of the column."""


@runtime_checkable
class OfMembers(Protocol):
    """A `Grouped` metric that says of each group how it stands to the others, such as its ratio to the best.

    With `groups:` of a suite, the rows of this grouping show it.
    """

    def estimate_of_member(self, records: Records, member: str) -> Estimate:
        """The value of one group, from the records of all."""


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


@runtime_checkable
class Directed(Protocol):
    """A reporter that needs to know which way metrics are better, e.g. for a Pareto front.

    Attributes:
        directions: "max", "min" or "none" by the label of every metric; set before `report` is called.
    """

    directions: Mapping[str, str]
