"""Which subgroups a gap is between: a gap alone does not say who gets the errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.contract.rows import Row, Status
from harness.results.comparison.compare import Side
from harness.results.comparison.compared import SIGNIFICANCE
from harness.results.comparison.table import p_text
from harness.results.headline.headline import HeadlineRow
from harness.results.headline.words import isolated_text, of_row, shortened
from harness.results.table import interval, number
from harness.suite.plan import Plan

_OF_A_GAP = "gap"


def between_groups(
    plan: Plan, rows: Sequence[Row], shown: Sequence[HeadlineRow], side: Side
) -> Iterator[tuple[str, str]]:
    """Yield (experiment, sentence) on the worst and the best subgroup where the largest gap of a metric is real.

    A metric is about a gap if it is given a `group` of which the experiment has rows.

    Args:
        plan: knows what metrics are given.
        rows: all rows of the run, those of subgroups included.
        shown: the rows of the headline.
        side: the run as a side of a comparison, which knows directions and units of metrics.
    """
    for name, experiment in plan.experiments.items():
        fields = {use.label: use.arguments.get("group") for use in experiment.metrics}
        own = [each for each in shown if each.row.experiment == name]
        for metric in dict.fromkeys(metric for each in own for metric in each.metrics):
            field, real = fields.get(metric), [each.row for each in own if _is_real(each.row, metric)]
            if isinstance(field, str) and real:
                row = max(real, key=lambda row: float(row.estimates[metric].value or 0.0))
                sentence = _sentence(row, metric, field, _groups_of(row, field, rows), shown, side)
                if sentence:
                    yield name, sentence


def _is_real(row: Row, metric: str) -> bool:
    """Whether a gap is larger than chance makes it."""
    estimate = row.estimates.get(metric)
    is_measured = row.status is Status.OK and estimate is not None and estimate.value is not None
    return is_measured and estimate is not None and estimate.p is not None and estimate.p < SIGNIFICANCE


def _groups_of(row: Row, field: str, rows: Sequence[Row]) -> dict[str, Row]:
    """The rows of the subgroups of a cell by their names, without that of the gap between them."""
    start, same = f"{field}: ", (row.experiment, row.seed, row.display)
    of_cell = [each for each in rows if each.derived and (each.experiment, each.seed, each.display) == same]
    groups = [(each.labels.get("group", ""), each) for each in of_cell if each.status is Status.OK]
    members = {
        label.removeprefix(start): each
        for label, each in groups
        if label.startswith(start) and {**row.labels, "group": label} == each.labels
    }
    return {name: each for name, each in members.items() if name != _OF_A_GAP}


def _sentence(
    row: Row,
    gap: str,
    field: str,
    groups: Mapping[str, Row],
    shown: Sequence[HeadlineRow],
    side: Side,
) -> str:
    metric = _told_by(list(groups.values()), side)
    if len(groups) < 2 or not metric:
        return ""
    facts = side.facts(next(iter(groups.values())), metric)
    sign = 1.0 if facts.direction == "max" else -1.0
    names = sorted(groups, key=lambda name: sign * float(groups[name].estimates[metric].value or 0.0))
    worst, best = groups[names[0]].estimates[metric], groups[names[-1]].estimates[metric]
    low, high = (isolated_text(shortened(name)) for name in (names[0], names[-1]))
    p = p_text(row.estimates[gap].p, equals=True)
    return (
        f"By {isolated_text(shortened(field))}, {low} has the worst {metric.replace('_', ' ')} of "
        f"{of_row(row, shown)}, {interval(worst, facts.unit)}, and {high} the best, {number(best.value, facts.unit)}: "
        f"{gap.replace('_', ' ')} {number(row.estimates[gap].value, side.facts(row, gap).unit)}, p {p}."
    )


def _told_by(groups: Sequence[Row], side: Side) -> str:
    """The first metric with a direction that all subgroups have."""
    names = [name for row in groups[:1] for name in row.estimates if side.facts(row, name).direction in ("max", "min")]
    having = (n for n in names if all(n in row.estimates and row.estimates[n].value is not None for row in groups))
    return next(having, "")
