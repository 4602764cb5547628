"""The headline that an experiment asks for, checked against what it measures as far as a plan knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.contract.cells import SHOWN_ROLES, Cell
from harness.suite.located import Path_
from harness.suite.patterns import matches
from harness.suite.plan import HeadlineRequest
from harness.suite.schema import Experiment, HeadlinePattern, did_you_mean

_KEY = "headline"
Tell = Callable[[Path_, str, str], None]


def planned_headline(
    experiment: Experiment, metrics: Sequence[str], cells: Sequence[Cell], tell: Tell
) -> HeadlineRequest:
    """Return what the experiment asks of its headline, after telling what it asks for and nothing can have.

    Rows and numbers of aggregates are known once these have made them.

    Args:
        experiment: as the suite says.
        metrics: the labels of its metrics.
        cells: its cells.
        tell: takes the place of a problem, what is wrong, and a hint.
    """
    asked = experiment.headline
    may_be_derived = any(pattern.aggregate != "*" for pattern in asked.rows)
    for i, name in enumerate(asked.metrics):
        if name not in metrics and not may_be_derived:
            hint = did_you_mean(name, sorted(metrics))
            hint += "; for a number of an aggregate, name that under `rows`" if experiment.aggregates else ""
            tell((_KEY, "metrics", i), f"{name!r} is not among the metrics", hint)
    for i, pattern in enumerate(asked.rows):
        is_known = not experiment.aggregates and pattern.group == ""
        if is_known and not any(matches(cell.labels, _of_cell(pattern)) for cell in cells):
            tell((_KEY, "rows", i), "it selects no row", _labels(pattern, cells))
    if asked.against is not None and not experiment.aggregates:
        _check_against(asked.against, asked.contrast, cells, tell)
    rows = tuple(pattern.model_dump() for pattern in asked.rows)
    metric_names, role = tuple(asked.metrics), asked.contrast or ""
    return HeadlineRequest(rows, metric_names, role, asked.against or "", asked.show)


def _of_cell(pattern: HeadlinePattern) -> dict[str, str]:
    return {role: value for role, value in pattern.model_dump().items() if role in SHOWN_ROLES}


def _labels(pattern: HeadlinePattern, cells: Sequence[Cell]) -> str:
    """The labels of the first role that a pattern names and no cell matches, or of all that it names."""
    asked = {role: value for role, value in _of_cell(pattern).items() if value != "*"}
    for role, value in asked.items():
        known = list(dict.fromkeys(cell.labels.get(role, "") for cell in cells))
        if not any(matches({role: label}, {role: value}) for label in known):
            return did_you_mean(value, known)
    return "each label is there, but no cell has all of them"


def _check_against(against: str, contrast: str | None, cells: Sequence[Cell], tell: Tell) -> None:
    roles = [contrast] if contrast else list(SHOWN_ROLES)
    known = list(dict.fromkeys(label for cell in cells for role, label in cell.labels.items() if role in roles))
    if contrast != "group" and known and against not in known:
        tell((_KEY, "against"), f"{against!r} is no label of these rows", did_you_mean(against, known))
