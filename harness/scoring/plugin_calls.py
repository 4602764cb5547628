"""Calls of metrics, aggregates and reporters: what a run asks of them, wherever their code runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from harness.contract.cells import Cell, Use
from harness.contract.estimates import Estimate
from harness.contract.rows import MeasuredCell, Row, Status
from harness.contract.tasks import Influences
from harness.isolation import Fault
from harness.plugins import Catalog
from harness.scoring.page_sections import FilledSection
from harness.scoring.per_example import Values
from harness.scoring.redaction import Redactor
from harness.store.store import Store

Answer = TypeVar("Answer")
_MAX_NAMED = 3
Limits = tuple[float, float]
Doubts = Mapping[str, Sequence[str]]
"""Cell id to reasons."""


class PluginCalls(Protocol):
    """Calls code of plugins; whatever it does comes back as a value or as a `Fault`."""

    def estimate(self, use: Use, folder: Path, protocol: Mapping[str, Any]) -> Estimate | Fault:
        """The estimate of a metric on the records that lie in the folder of a cell."""

    def group_rows(self, cell: MeasuredCell, groups: Sequence[str], metrics: Sequence[Use]) -> list[Row] | Fault:
        """The rows of the subgroups of a cell."""

    def aggregate(self, use: Use, cells: Sequence[MeasuredCell]) -> list[Row] | Fault:
        """The rows that an aggregate makes of cells."""

    def doubts(self, use: Use, cells: Sequence[MeasuredCell]) -> Doubts | Fault:
        """The reasons of an aggregate to doubt cells."""

    def report(
        self,
        use: Use,
        rows: Sequence[Row],
        cells: Sequence[MeasuredCell],
        directions: Mapping[str, str],
        folder: Path,
    ) -> Fault | None:
        """Have a reporter write its files into a folder."""

    def limits(self, use: Use) -> Limits | Fault:
        """What the values of a metric lie between."""

    def sections(
        self, plugin: str, cells: Sequence[MeasuredCell], *, examples: bool = True
    ) -> list[FilledSection] | Fault:
        """The sections that a plugin adds to the page of a run, without those that show single examples if so asked."""

    def kept_cells(self, plugin: str, cells: Sequence[Cell]) -> list[int] | Fault:
        """The places of the cells that a plugin keeps in a plan, in its order."""

    def objections(self, plugin: str, cells: Sequence[Cell]) -> list[str | Fault] | Fault:
        """For each cell why a plugin says that it cannot run; empty if it says nothing."""

    def facts(self, plugin: str) -> Mapping[str, Any] | Fault:
        """What a plugin adds to the provenance of a run."""

    def redact(self, texts: Sequence[str]) -> list[str] | Fault:
        """The texts that plugins have shown instead of these."""

    def notify(self, plugin: str, hook: str, arguments: Mapping[str, Any]) -> Fault | None:
        """Tell a plugin what happens in a run."""

    def per_example(self, use: Use, folder: Path, protocol: Mapping[str, Any]) -> Values | Fault | None:
        """The values per example of a metric on the records that lie in the folder of a cell; None if it has none."""

    def influences(self, use: Use, folder: Path, protocol: Mapping[str, Any]) -> Influences | Fault | None:
        """What the examples add to the estimate of a metric; None if it does not say."""

    def loaded(self) -> Mapping[str, str]:
        """The hash of each source that was imported where the calls are made, by path."""

    def start(self) -> None:
        """Get ready, for calls will come."""

    def close(self) -> None:
        """End what was started; closing twice is fine."""


@dataclass(frozen=True)
class Scoring:
    """What rows are made with.

    Attributes:
        catalog: where metrics, aggregates and reporters are found.
        store: where their results are kept, by the code and the records that they depend on.
        calls: calls them.
        examples: whether the reasons of rows may quote single examples.
    """

    catalog: Catalog
    store: Store
    calls: PluginCalls
    examples: bool = True

    @property
    def redactor(self) -> Redactor:
        """Says what is shown instead of a text that may quote an example."""
        return Redactor(self.catalog, self.calls, examples=self.examples)

    def for_run(self, about: Mapping[str, Any]) -> Scoring:
        """The same for a run that has ended, given its run.json: one without examples has none to show."""
        return replace(self, examples=self.examples and bool(about.get("examples", True)))

    def checked(self, answer: Answer | Fault) -> Answer | Fault:
        """Return an answer; a fault if it was made by other code than the key that it would be kept under."""
        changed = [] if isinstance(answer, Fault) else self.store.differing(self.calls.loaded())
        if not changed:
            return answer
        names = ", ".join(Path(path).name for path in changed[:_MAX_NAMED])
        return Fault(Status.INVALID, f"changed after the run was planned: {names}; run the suite again", "")
