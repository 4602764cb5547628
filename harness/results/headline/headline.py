"""The headline as data: its rows, the contrasts between them, and sentences made of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from harness.contract.rows import Row
from harness.results.comparison.compared import SIGNIFICANCE
from harness.statistics.paired import Difference

MAX_ROWS = 12
MAX_SENTENCES = 6
BETWEEN = " / "
"""Between the names of roles that are contrasted as one."""


@dataclass(frozen=True)
class HeadlineRow:
    """A row of the headline.

    Attributes:
        row: the row of the table.
        metrics: the metrics that the headline is about.
    """

    row: Row
    metrics: tuple[str, ...]


@dataclass(frozen=True)
class Contrast:
    """Two rows that differ in one label, tested against each other on one metric.

    Attributes:
        role: whose labels differ; "model / sampler" for the two as one.
        a, b: the rows.
        metric: its label.
        direction: "max" or "min"; empty if it is not known.
        difference: B minus A.
        group: the number of what is told in one sentence.
        p_holm: its p-value, adjusted for all tests that the headline could have been made of; None without a test.
    """

    role: str
    a: Row
    b: Row
    metric: str
    direction: str
    difference: Difference
    group: int = 0
    p_holm: float | None = None

    @property
    def is_resolved(self) -> bool:
        """Whether the difference is significant."""
        return self.p_holm is not None and self.p_holm < SIGNIFICANCE and self.difference.value != 0

    @property
    def verdict(self) -> str:
        """What the test says of B: "better", "worse", "changed" or "not resolved"."""
        if not self.is_resolved:
            return "not resolved"
        if self.direction not in ("max", "min"):
            return "changed"
        return "better" if (self.difference.value > 0) == (self.direction == "max") else "worse"

    def to_json(self) -> dict[str, Any]:
        """The contrast as a JSON object."""
        return {
            "experiment": self.a.experiment,
            "role": self.role,
            "labels_a": dict(self.a.labels),
            "labels_b": dict(self.b.labels),
            "seed": self.a.seed,
            "shown": dict(self.a.display),
            "metric": self.metric,
            "direction": self.direction,
            "difference": asdict(self.difference),
            "p_holm": self.p_holm,
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class Headline:
    """What a run has found out.

    Attributes:
        rows: at most `MAX_ROWS`, or one for each experiment if these are more.
        sentences: at most `MAX_SENTENCES`.
        contrasts: every test behind the sentences.
        n_tests: the number of tests that p-values are adjusted for.
        left_out: rows that the headline is about and has no room for.
        headings, units: (experiment, metric) to what tables call the metric, and its unit.
        changes: what the run asked of the suite beside its file.
    """

    rows: tuple[HeadlineRow, ...] = ()
    sentences: tuple[str, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    n_tests: int = 0
    left_out: int = 0
    headings: Mapping[tuple[str, str], str] = field(default_factory=dict)
    units: Mapping[tuple[str, str], str] = field(default_factory=dict)
    changes: tuple[str, ...] = ()

    def metrics_of(self, experiment: str) -> Sequence[str]:
        """The metrics that the headline is about in an experiment."""
        names = (name for each in self.rows if each.row.experiment == experiment for name in each.metrics)
        return list(dict.fromkeys(names))

    @property
    def markdown(self) -> str:
        """The headline as a section of Markdown; empty if there is nothing to say."""
        from harness.results.headline.text import markdown_headline

        return markdown_headline(self)

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def to_json(self) -> dict[str, Any]:
        """The headline as a JSON object."""
        return {
            "sentences": list(self.sentences),
            "rows": [_row_object(each) for each in self.rows],
            "left_out": self.left_out,
            "contrasts": [each.to_json() for each in self.contrasts],
            "tests": self.n_tests,
            "correction": "holm",
            "significance": SIGNIFICANCE,
            "changes": list(self.changes),
        }


def _row_object(each: HeadlineRow) -> dict[str, Any]:
    row = each.row
    estimates = {name: asdict(row.estimates[name]) for name in each.metrics if name in row.estimates}
    return {
        "experiment": row.experiment,
        "labels": dict(row.labels),
        "seeds": row.seeds,
        "shown": dict(row.display),
        "status": str(row.status),
        "reason": row.reason,
        "cell": row.cell,
        "derived": row.derived,
        "key": row.key,
        "estimates": estimates,
    }
