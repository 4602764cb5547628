"""What a comparison of two runs gives: one verdict per metric and pair of rows, and what a gate makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.contract.errors import UsageError
from harness.contract.estimates import Estimate
from harness.contract.rows import Row
from harness.results.comparison.comparability import Field
from harness.statistics.paired import Difference

Verdict = Literal["worse", "better", "changed", "not resolved", "not comparable"]
VERDICTS: tuple[Verdict, ...] = ("worse", "better", "changed", "not resolved", "not comparable")
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class MetricFacts:
    """What is known of a metric.

    Attributes:
        direction: "max", "min" or "none"; empty if it is not known.
        unit: as the metric says.
        identity: name, version and parameters; None if they are not known, as for a bare table.
    """

    direction: str = ""
    unit: str = ""
    identity: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Compared:
    """One metric of one pair of rows.

    Attributes:
        a, b: the rows; `b` is None if A's row has no counterpart.
        metric: its label; empty where the rows as a whole cannot be compared.
        facts: what is known of the metric.
        verdict: better or worse if the difference is significant after Holm's correction, changed if it is and no
            direction of the metric is known.
        difference: B minus A; None if not comparable.
        p_holm: its p-value, adjusted for all tests; None if no test could be made.
        fields: what must be equal and is not.
        allowed: what must be equal, is not, and was allowed to differ.
        reason: why there is no comparison, if it is not the fields.
        lost: the row was ok in A and is missing or not ok in B.
        anew: the recipe of the weights is the same, but they were trained anew; then seeds are what is tested.
        seeds: those of both sides, where they are what is tested.
        excused: it cannot be compared, and that is no fault of B: nothing was there in A, or an improvement in B left
            nothing to measure, such as the distance of attacks that no longer succeed.
    """

    a: Row
    b: Row | None
    metric: str = ""
    facts: MetricFacts = MetricFacts()
    verdict: Verdict = "not comparable"
    difference: Difference | None = None
    p_holm: float | None = None
    fields: tuple[Field, ...] = ()
    allowed: tuple[Field, ...] = ()
    reason: str = ""
    lost: bool = False
    anew: bool = False
    seeds: str = ""
    excused: bool = False

    @property
    def fails_gate(self) -> bool:
        """Whether it is worse, or cannot be compared although it was ok in A."""
        return self.verdict == "worse" or (self.verdict == "not comparable" and not self.excused)

    @property
    def estimate_a(self) -> Estimate | None:
        """A's estimate of the metric."""
        return self.a.estimates.get(self.metric)

    @property
    def estimate_b(self) -> Estimate | None:
        """B's estimate of the metric."""
        return None if self.b is None else self.b.estimates.get(self.metric)

    @property
    def why(self) -> str:
        """Why there is no comparison, in words."""
        return self.reason or ", ".join(map(str, self.fields))


@dataclass(frozen=True)
class Comparison:
    """Two runs compared.

    Attributes:
        a, b: the names of the sides.
        compared: in the order of A's rows and metrics.
        n_tests: how many tests Holm's correction is for.
        allowed: what was asked to be allowed to differ, and for how many pairs of rows it did.
        notes: what else a reader should know.
    """

    a: str
    b: str
    compared: Sequence[Compared]
    n_tests: int
    allowed: Mapping[str, int]
    notes: Sequence[str] = ()

    @property
    def counts(self) -> dict[Verdict, int]:
        """The number of metrics with each verdict."""
        counted = Counter(each.verdict for each in self.compared)
        return {verdict: counted[verdict] for verdict in VERDICTS}

    @property
    def gate_fails(self) -> bool:
        """Whether something is worse, or cannot be compared although it was ok in A, which no gate may pass."""
        return any(each.fails_gate for each in self.compared)

    @property
    def reproduces(self) -> bool:
        """Whether nothing fails the gate, nor is better or changed: what a committed table is compared for."""
        return not self.gate_fails and not any(each.verdict in ("better", "changed") for each in self.compared)

    @property
    def loses_rows(self) -> bool:
        """Whether rows that were ok in A are missing or not ok in B."""
        return any(each.lost for each in self.compared)

    def refusal(self) -> UsageError | None:
        """Return the error that says why no pair of rows can be compared; None if one can."""
        if any(each.verdict != "not comparable" for each in self.compared):
            return None
        if not self.compared:
            return UsageError(f"there is nothing to compare: {'; '.join(self.notes) or 'neither side has numbers'}")
        reasons = Counter(", ".join(f.name for f in each.fields) or each.reason for each in self.compared)
        lines = [f"  {why} ({times} {'pair' if times == 1 else 'pairs'})" for why, times in reasons.most_common(8)]
        differ = any(each.fields for each in self.compared)
        hint = "\n--allow FIELD compares in spite of a differing field" if differ else ""
        return UsageError(
            "\n".join([f"not a single row of {self.a} can be compared with one of {self.b}:", *lines]) + hint
        )
