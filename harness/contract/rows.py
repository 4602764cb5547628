"""Rows of tables, and measured cells as aggregates and reporters are given them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.contract.cells import SHOWN_LABELS, digest
from harness.contract.cost_block import CostBlock
from harness.contract.estimates import Estimate
from harness.contract.records import Records


class Status(StrEnum):
    """How a cell ended. Only measured cells, `ok` or `suspect`, are reused."""

    OK = "ok"
    SUSPECT = "suspect"
    SKIPPED = "skipped"
    FAILED = "failed"
    TIMEOUT = "timeout"
    OOM = "oom"
    CRASHED = "crashed"
    LOST = "lost"
    INVALID = "invalid"
    INTERRUPTED = "interrupted"

    @property
    def is_measured(self) -> bool:
        """Whether every rule was kept, so that the row has numbers, doubtful or not."""
        return self in (Status.OK, Status.SUSPECT)


STATUS_MEANINGS: Mapping[Status, str] = {
    Status.OK: "every check passed",
    Status.SUSPECT: "measured, but there is reason to doubt that the numbers mean what they say; no gate passes on it",
    Status.SKIPPED: "its components do not fit together",
    Status.FAILED: "code of a plugin raised; not tried again",
    Status.TIMEOUT: "it took longer than it may; it and all that it had started were ended; not tried again",
    Status.OOM: "out of memory; tried again with half the batch, down to 1",
    Status.CRASHED: "its worker ended by a signal, or without a result; tried again once",
    Status.LOST: "its worker was killed from outside, or the machine went away; tried again three times",
    Status.INVALID: "the numbers broke a rule: a shape, NaN, a budget, something left behind; not tried again",
    Status.INTERRUPTED: "the run was stopped before it ended; the same command goes on",
}


_COLUMNS = frozenset(
    ("experiment", "seed", "status", "n", "seconds", "key", "derived", "execution", "reason", *SHOWN_LABELS)
)
_OF_AN_ESTIMATE = ("", "_low", "_high", "_null", "_p", "_n", "_missing", "_method")


def is_column_of_rows(name: str, metrics: Iterable[str]) -> bool:
    """Whether tables of rows with these metrics have a column with this name already."""
    of_metrics = {f"{metric}{suffix}" for metric in metrics for suffix in _OF_AN_ESTIMATE}
    return name in _COLUMNS or name in of_metrics or name.startswith("cost_")


_GAP = ": gap"


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        experiment: the experiment of the suite it belongs to.
        labels: what was combined, by role: {"model": "standard", "data": "digits", "attack": "pgd eps=0.1"}.
        components: the same by what they are: role to name, version and parameters.
        seed: the seed of the cell.
        status: how the cell ended; `reason` says more where it is not ok.
        estimates: metric name to estimate.
        n: the number of records.
        comparability: what must be equal before this row may be compared with another: task, data (digest of its
            content and of the example ids, n) and protocol (what the task says, e.g. the threat model); precision where
            that is less than float32. Empty if there are no records.
        cost: effort per example, e.g. {"passes": 41.0}.
        seconds: time taken by the task itself, without loading and training.
        cell: the id of the cell; empty for a derived row.
        derived: the name of the aggregate that made the row; empty for a cell.
        facts: what is recorded beside the numbers and is part of no key: under "model" what the model says of itself,
            such as its published accuracy, under "execution" how it was run where that is not plain float32, under
            "weights" the digest of weights that were trained here and not loaded from a file, under "cost" the cost
            block, under "environment" the other Python environment it was run in, under "trusted" the files that could
            run code when they were loaded, and under "display" the columns that its task, or the aggregate that made
            it, adds to tables: heading to text.
    """

    experiment: str
    labels: Mapping[str, str]
    seed: int
    status: Status
    reason: str = ""
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    n: int | None = None
    comparability: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None
    cell: str = ""
    derived: str = ""
    components: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def protocol(self) -> Mapping[str, Any]:
        """The part of the comparability that the task defines, e.g. the threat model."""
        protocol: Mapping[str, Any] = self.comparability.get("protocol", {})
        return protocol

    @property
    def seeds(self) -> str:
        """Its seed as tables show it; "0-2" or "0, 1, 5" for a row over several."""
        over = self.protocol.get("over_seeds")
        several = sorted(over["seeds"]) if isinstance(over, Mapping) else [self.seed]
        if len(several) > 2 and several == list(range(several[0], several[-1] + 1)):
            return f"{several[0]}-{several[-1]}"
        return ", ".join(str(seed) for seed in several)

    @property
    def is_gap(self) -> bool:
        """Whether it is the largest gap between the groups of a cell, of which less is better whatever the metric."""
        return self.labels.get("group", "").endswith(_GAP)

    @property
    def task(self) -> str:
        """The name of its task with that of its package, as recorded, e.g. "harness/classify"; empty if not known."""
        task = self.comparability.get("task")
        return str(task.get("name", "")) if isinstance(task, Mapping) else ""

    @property
    def trained_weights(self) -> str:
        """The digest of the weights that were trained here; empty if none were, or if that is not known."""
        weights = self.facts.get("weights")
        return str(weights.get("digest", "")) if isinstance(weights, Mapping) and weights.get("trained_here") else ""

    @property
    def cost_block(self) -> CostBlock:
        """What its model and its measurement took; empty where that is not known, as in a derived row."""
        return CostBlock.from_json(self.facts.get("cost") or {})

    @property
    def display(self) -> Mapping[str, str]:
        """The columns that its task adds to tables, heading to text."""
        display: Mapping[str, str] | None = self.facts.get("display")
        return _display_before_1_0(self.protocol) if display is None else display

    @cached_property
    def key(self) -> str:
        """The comparability key: the hash of all that must be equal; empty if there are no records."""
        return digest(self.comparability) if self.comparability else ""

    def to_json(self) -> dict[str, Any]:
        """The row as a JSON object, field by field, and its key for readers."""
        # Not by `asdict`, which copies all that is inside, number by number: tables have thousands of rows.
        row = {each.name: getattr(self, each.name) for each in fields(self)}
        estimates = {name: estimate.to_json() for name, estimate in self.estimates.items()}
        return {**row, "status": str(self.status), "estimates": estimates, "key": self.key}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Row:
        """The inverse of `to_json`."""
        estimates = {name: Estimate(**value) for name, value in raw["estimates"].items()}
        given = {name: value for name, value in raw.items() if name != "key"}
        return cls(**{**given, "status": Status(raw["status"]), "estimates": estimates})


def _display_before_1_0(protocol: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the display columns of a row of a run before version 1.0, which has none: its threat, if any."""
    from harness.contract.threats import Threat

    threat = protocol.get("threat")
    return {"threat": str(Threat(**threat))} if threat else {}


@dataclass(frozen=True)
class MeasuredCell:
    """A cell as an aggregate is given it: its row, and its records on request.

    Attributes:
        row: the row of the cell.
        digest: the hash of its records; empty if there are none.
        records: reads the records; call it only if `row.n` is not None.
        folder: where its records and, under `artifacts`, its arrays and pictures lie; None for one made in memory.
    """

    row: Row
    digest: str
    records: Callable[[], Records]
    folder: Path | None = None
