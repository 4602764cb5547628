"""A comparison as a page: the verdicts, and the examples that only one side gets wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.results.comparison.compare import Side
from harness.results.comparison.compared import VERDICTS, Comparison
from harness.results.comparison.disagreements import Disagreement, disagreements
from harness.results.comparison.table import summary
from harness.results.report.baseline import comparison_table
from harness.results.report.html import render_template
from harness.results.table import metric_heading

_MOST_REASONS = 12


@dataclass(frozen=True)
class _Titled:
    """A disagreement under its title."""

    title: str
    found: Disagreement


def html_text(comparison: Comparison, a: Side, b: Side, redact: Callable[[str], str], *, examples: bool = True) -> str:
    """Return the page of a comparison.

    Args:
        comparison: of both sides.
        a, b: the sides, whose records tell the examples.
        redact: what is shown instead of a text.
        examples: whether it may show single examples.
    """
    found, left_out = disagreements(comparison, a, b, redact) if examples else ([], 0)
    compared = [each for each in comparison.compared if each.verdict != "not comparable"]
    compared.sort(key=lambda each: VERDICTS.index(each.verdict))
    reasons = list(dict.fromkeys(each.why for each in comparison.compared if each.verdict == "not comparable"))
    return render_template(
        "comparison.html.j2",
        page=comparison,
        summary=summary(comparison),
        table=comparison_table(comparison, compared),
        reasons=reasons[:_MOST_REASONS],
        disagreements=[_Titled(_title(each), each) for each in found],
        left_out=left_out,
        examples=examples,
    )


def _title(found: Disagreement) -> str:
    one, other = found.entry.a, found.entry.b
    labels = []
    for role, label in one.labels.items():
        theirs = other.labels.get(role, "") if other else ""
        labels.append(label if theirs in ("", label) else f"{label} against {theirs}")
    return f"{metric_heading(found.entry.metric, found.entry.facts.direction)}: {' / '.join(labels)}"
