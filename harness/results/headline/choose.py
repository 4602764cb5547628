"""Which rows and metrics a headline is about: what the suite asks for, else what its task and aggregates suggest."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from harness.contract.cells import SHOWN_LABELS, TREATMENTS
from harness.contract.rows import Row, Status
from harness.results.spread import is_spread
from harness.results.table import display_text
from harness.suite.patterns import matches
from harness.suite.plan import HeadlineRequest

_CONTRASTED = ("model", "sampler", "attribution", "attack", "data", "group")
"""Roles in the order in which they are taken for a contrast."""
_DIRECTED = ("max", "min")


@dataclass(frozen=True)
class Chosen:
    """What the headline of one experiment is about.

    Attributes:
        rows: in the order in which they are taken: whole settings, the best of a setting first.
        metrics: the labels of its metrics.
        role: whose labels are contrasted; empty if only one label is there.
        against: the label that others are contrasted with; empty for every two.
        is_joined: a model and the sampler that draws from it are one, and contrasted as such.
        problem: why there is nothing, if the suite asked for it.
    """

    rows: tuple[Row, ...] = ()
    metrics: tuple[str, ...] = ()
    role: str = ""
    against: str = ""
    is_joined: bool = False
    problem: str = ""

    def settings(self, rows: Sequence[Row] | None = None) -> list[list[Row]]:
        """The rows in groups that differ in nothing but the label that is contrasted."""
        groups: dict[Hashable, list[Row]] = {}
        for row in self.rows if rows is None else rows:
            groups.setdefault(_setting(row, self.contrasted), []).append(row)
        return list(groups.values())

    @property
    def contrasted(self) -> tuple[str, ...]:
        """The roles whose labels may differ within a setting."""
        return ("model", "sampler") if self.is_joined else (self.role,)


def _setting(row: Row, contrasted: Sequence[str]) -> Hashable:
    """What must be equal for two rows to be contrasted: all other labels, the seeds, and what their task shows."""
    labels = tuple((name, row.labels.get(name, "")) for name in SHOWN_LABELS if name not in contrasted)
    return labels, row.seeds, row.derived, display_text(row)


def _is_joined(rows: Sequence[Row], role: str) -> bool:
    """Whether models are drawn from by samplers of their own, so that none is there twice under one setting."""
    if role != "model" or len({row.labels.get("sampler", "") for row in rows}) < 2:
        return False
    entries = [(row.labels.get("model", ""), _setting(row, ("model", "sampler"))) for row in rows]
    return len(set(entries)) == len(entries)


def choose(request: HeadlineRequest, rows: Sequence[Row], directions: Mapping[str, str]) -> Chosen:
    """Return what the headline of an experiment is about.

    Args:
        request: what the suite asks for.
        rows: the rows of the experiment.
        directions: metric to "max", "min" or "none"; a metric that only aggregates give is not among them.
    """
    usual = [row for row in rows if not is_spread(row)]
    places = [(place, row) for row in usual if (place := _place(row, request)) is not None]
    candidates = [row for _, row in sorted(places, key=itemgetter(0))]
    if not candidates:
        return Chosen(problem="it selects no row" if request.rows and usual else "")
    metrics = request.metrics or _default_metrics(candidates, directions, request.of_treatments)
    having = [row for row in candidates if not _lacks(row, metrics)]
    measured = [row for row in candidates if row.estimates]
    if request.metrics and measured and not any(name in row.estimates for row in measured for name in metrics):
        return Chosen(problem=f"no row has {' or '.join(metrics)}")
    derived = [row for row in having if row.derived and not row.labels.get("group") and row.estimates]
    chosen = derived if derived and not request.rows else having
    role = request.contrast or _default_role(chosen)
    about = Chosen(tuple(chosen), metrics, role, request.against, _is_joined(chosen, role))
    ordered = [row for setting in about.settings() for row in _best_first(setting, metrics, directions)]
    return replace(about, rows=tuple(ordered))


def _place(row: Row, request: HeadlineRequest) -> int | None:
    """The place of the first pattern of the suite that a row matches, in whose order rows stand; None if of none."""
    if not request.rows:
        return None if row.labels.get("group") else 0
    told = {**row.labels, "aggregate": row.derived if not row.labels.get("group") else "", "shown": display_text(row)}
    return next((i for i, pattern in enumerate(request.rows) if matches(told, _wanted(pattern))), None)


def _wanted(pattern: Mapping[str, str]) -> Mapping[str, str]:
    return {role: value for role, value in pattern.items() if value != "*"}


def _lacks(row: Row, metrics: Sequence[str]) -> bool:
    """Whether a row was measured and has none of these metrics, as one without an attack has no robust accuracy."""
    if not row.status.is_measured:
        return row.status is Status.SKIPPED
    return not any(name in row.estimates and row.estimates[name].applies for name in metrics)


def _default_metrics(
    rows: Sequence[Row], directions: Mapping[str, str], of_treatments: Sequence[str]
) -> tuple[str, ...]:
    """The first metric with a direction that rows without a treatment do not have, else the first with a direction."""
    names = list(dict.fromkeys(name for row in rows for name, e in row.estimates.items() if e.value is not None))
    directed = [name for name in names if directions.get(name) in _DIRECTED] or names
    untreated = {
        name
        for row in rows
        if not row.derived and all(row.labels.get(role, "none") == "none" for role in TREATMENTS)
        for name, estimate in row.estimates.items()
        if estimate.value is not None
    }
    is_treated = any(row.labels.get(role, "none") != "none" for row in rows for role in TREATMENTS)
    special = [name for name in directed if is_treated and (name in of_treatments or name not in untreated)]
    special.sort(key=lambda name: name not in of_treatments)
    return tuple((special or directed)[:1])


def _default_role(rows: Sequence[Row]) -> str:
    several = (role for role in _CONTRASTED if len({row.labels.get(role, "") for row in rows}) > 1)
    return next(several, "")


def _best_first(rows: Sequence[Row], metrics: Sequence[str], directions: Mapping[str, str]) -> list[Row]:
    name = metrics[0] if metrics else ""
    sign = {"max": -1.0, "min": 1.0}.get(directions.get(name, ""), 0.0)

    def order(row: Row) -> tuple[bool, float]:
        estimate = row.estimates.get(name)
        value = None if estimate is None or row.status is not Status.OK else estimate.value
        return value is None, 0.0 if value is None else sign * value

    return sorted(rows, key=order)
