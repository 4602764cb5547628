"""Tests of the rows of a headline against each other, corrected for all that could have been made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.contract.rows import Row, Status
from harness.results.comparison.compare import Side, contrasted
from harness.results.headline.choose import Chosen
from harness.results.headline.headline import BETWEEN, MAX_ROWS, Contrast
from harness.statistics.paired import holm

_OF_SUBGROUPS = ("data", "group", "groups", "subgroup")
"""Fields that differ between two subgroups because they are other examples."""


def contrasts_of(chosen: Sequence[Chosen], shown: Sequence[Sequence[Row]], side: Side) -> tuple[list[Contrast], int]:
    """Return the best row of each setting against its others, and the number of tests that is corrected for.

    Where the suite names a label, it is that against the others. Which row is the best is known from the numbers that
    are tested, so that all pairs of a setting are counted, also those of rows that are not shown. Holm's procedure with
    the tests that are not made taken for the largest is never less careful than with them.

    Args:
        chosen: what each experiment is about.
        shown: its rows that the headline has room for.
        side: the run.
    """
    drafts: list[Contrast] = []
    n_tests = 0
    shown_rows = {id(row) for rows in shown for row in rows}
    for about in chosen:
        for setting in about.settings():
            if shown_rows.isdisjoint(map(id, setting)):
                continue
            for metric in about.metrics:
                made = list(_tested(setting, metric, about, side))
                first = len(drafts)
                drafts += [replace(each, group=first + (i if about.against else 0)) for i, each in enumerate(made)]
                n_tests += _n_pairs(setting, metric, about) if made else 0
    tested = [each.difference.p for each in drafts if each.difference.p is not None]
    adjusted = iter(holm(tested, n_tests - len(tested)))
    return [each if each.difference.p is None else replace(each, p_holm=next(adjusted)) for each in drafts], n_tests


def _tested(setting: Sequence[Row], metric: str, about: Chosen, side: Side) -> Iterator[Contrast]:
    """Yield a contrast for every row of a setting but the one that they are held against."""
    rows = [row for row in setting if _has_number(row, metric)]
    base = _base(rows, metric, about, side)
    for row in rows[:MAX_ROWS]:
        if base is None or row is base:
            continue
        one, other = (base, row) if about.against else (row, base)
        allowed = _OF_SUBGROUPS if about.role == "group" else about.contrasted
        compared = contrasted(side, one, other, metric, allowed)
        if compared.difference is not None:
            yield Contrast(
                BETWEEN.join(about.contrasted), one, other, metric, _direction(rows, metric, side), compared.difference
            )


def _direction(rows: Sequence[Row], metric: str, side: Side) -> str:
    """The direction of a metric as any of the rows knows it; empty if none does."""
    return next((d for row in rows if (d := side.facts(row, metric).direction) in ("max", "min")), "")


def _base(rows: Sequence[Row], metric: str, about: Chosen, side: Side) -> Row | None:
    """The row that the others are held against: the one that the suite names, else the best."""
    if about.against:
        return next((row for row in rows if row.labels.get(about.role) == about.against), None)
    if not rows or not about.role:
        return None
    sign = -1.0 if _direction(rows, metric, side) == "min" else 1.0
    return max(rows, key=lambda row: sign * float(row.estimates[metric].value or 0.0))


def _n_pairs(setting: Sequence[Row], metric: str, about: Chosen) -> int:
    """How many tests a setting could have given, with its rows that are not shown."""
    n = sum(_has_number(row, metric) for row in setting)
    return max(n - 1, 0) if about.against else n * (n - 1) // 2


def _has_number(row: Row, metric: str) -> bool:
    return row.status is Status.OK and metric in row.estimates and row.estimates[metric].value is not None
