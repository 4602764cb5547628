"""What differs between a run and another, laid out for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.results.comparison.compared import Compared, Comparison
from harness.results.comparison.table import constants_of, line_labels, p_text, shown_verdict, signed_interval, summary
from harness.results.report.tables import Column, Field, Line, Table, estimate_field
from harness.results.table import metric_heading


@dataclass(frozen=True)
class Baseline:
    """A comparison with another run.

    Attributes:
        name: of the other run.
        summary: how many verdicts of each kind there are.
        table: what is better, worse or changed.
        notes: what else a reader should know.
    """

    name: str
    summary: str
    table: Table
    notes: tuple[str, ...]


def make_baseline(comparison: Comparison) -> Baseline:
    """Lay out what differs from the other run, A of a comparison."""
    shown = [each for each in comparison.compared if each.verdict in ("worse", "better", "changed")]
    left = sum(each.verdict == "not comparable" for each in comparison.compared)
    more = (f"{left} cannot be compared; `harness compare` says why",) if left else ()
    return Baseline(comparison.a, summary(comparison), comparison_table(comparison, shown), (*comparison.notes, *more))


def comparison_table(comparison: Comparison, shown: Sequence[Compared]) -> Table:
    """A table of compared metrics that can be sorted and filtered."""
    constants = constants_of(shown)
    labels = {name: column for name, column in line_labels(shown).items() if name not in constants}
    names = [*labels, "metric"]
    columns = (
        *(Column(name, "label") for name in names),
        Column("A", "number"),
        Column("B", "number"),
        Column("difference", "number"),
        Column("p", "number"),
        Column("verdict", "status"),
    )
    lines = tuple(
        Line((*(Field(column[i]) for column in labels.values()), *_fields(entry)), entry.verdict, entry.why, "")
        for i, entry in enumerate(shown)
    )
    return Table(
        "comparison", "", ", ".join(f"{name} {value}" for name, value in constants.items()), columns, lines, ()
    )


def _fields(entry: Compared) -> tuple[Field, ...]:
    unit = entry.facts.unit
    ends = (Field("") if e is None else estimate_field(e, unit) for e in (entry.estimate_a, entry.estimate_b))
    difference = entry.difference
    told = Field("") if difference is None else Field(signed_interval(difference, unit), value=difference.value)
    p = Field("") if entry.p_holm is None else Field(p_text(entry.p_holm), value=entry.p_holm)
    return Field(metric_heading(entry.metric, entry.facts.direction)), *ends, told, p, Field(shown_verdict(entry))
