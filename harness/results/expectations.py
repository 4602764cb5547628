"""Expectations of a suite, compared with the intervals of the rows of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.results.table import interval, name_of
from harness.suite.plan import Expectation, Plan

ExpectationVerdict = Literal["passed", "failed", "unresolved"]


@dataclass(frozen=True)
class ExpectationResult:
    """The result of an expectation at one row.

    Attributes:
        experiment: of the row.
        expectation: in words.
        row: the labels of the row; empty if it matches no row.
        verdict: passed if the whole interval keeps the bound, failed if the whole interval breaks it or there is no
            number or a suspect one, else unresolved; a skipped row is unresolved.
        told: the number, or why there is none.
    """

    experiment: str
    expectation: str
    row: str
    verdict: ExpectationVerdict
    told: str

    def __str__(self) -> str:
        at = f" at {self.row}" if self.row else ""
        return f"{self.verdict}: {self.expectation}{at}: {self.told}"


def check_expectations(plan: Plan, rows: Sequence[Row]) -> list[ExpectationResult]:
    """Compare every expectation with every row it concerns; one that concerns no row has failed."""
    results = []
    for name, experiment in plan.experiments.items():
        own = [row for row in rows if row.experiment == name]
        for expectation in experiment.expect:
            at_rows = list(_at_rows(expectation, own))
            results += at_rows or [
                ExpectationResult(name, str(expectation), "", "failed", _why_no_row(expectation, own))
            ]
    return results


def _why_no_row(expectation: Expectation, rows: Iterable[Row]) -> str:
    of_aggregate = [row for row in rows if expectation.aggregate and row.derived == expectation.aggregate]
    names = dict.fromkeys(name for row in of_aggregate for name in row.estimates)
    if names and expectation.metric not in names:
        return f"{expectation.aggregate} has no {expectation.metric!r}; it has {', '.join(names)}"
    return "it matches no row"


def _at_rows(expectation: Expectation, rows: Iterable[Row]) -> Iterable[ExpectationResult]:
    for row in rows:
        if expectation.aggregate and row.derived != expectation.aggregate:
            continue
        estimate = row.estimates.get(expectation.metric)
        if not expectation.concerns(row.labels) or (estimate is not None and not estimate.applies):
            continue
        if estimate is None and (row.status.is_measured or (row.derived and not expectation.aggregate)):
            continue
        part = row.labels.get("group", "")
        # A gap is another quantity than the metric, and what cannot occur in a part, such as a reference group, is no
        # failure of the part.
        if part and ((row.is_gap and "group" not in expectation.where) or _has_no_value(estimate)):
            continue
        verdict, reason = _compare(expectation, row, estimate)
        yield ExpectationResult(row.experiment, str(expectation), name_of(row), verdict, reason)


def _has_no_value(estimate: Estimate | None) -> bool:
    return estimate is not None and estimate.value is None


def _compare(expectation: Expectation, row: Row, estimate: Estimate | None) -> tuple[ExpectationVerdict, str]:
    if estimate is None:
        return "unresolved" if row.status is Status.SKIPPED else "failed", f"{row.status}: {row.reason}"
    if estimate.value is None:
        return "failed", estimate.reason
    if row.status is Status.SUSPECT:
        return "failed", f"{interval(estimate)}, but {row.status}: {row.reason}"
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    shown = interval(estimate)
    if expectation.at_least is not None:
        verdict: ExpectationVerdict = (
            "passed" if low >= expectation.at_least else "failed" if high < expectation.at_least else "unresolved"
        )
    else:
        bound = float(expectation.at_most or 0.0)
        verdict = "passed" if high <= bound else "failed" if low > bound else "unresolved"
    return verdict, shown
