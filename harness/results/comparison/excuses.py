"""What cannot be compared and is no fault of B, so that no gate fails for it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace

from harness.contract.estimates import Estimate
from harness.contract.rows import Row
from harness.results.comparison.compared import Compared

DirectionOf = Callable[[Row, str], str]


def excused(compared: Sequence[Compared], direction: DirectionOf) -> list[Compared]:
    """Mark what has no number in A, or in B after an improvement of the same row.

    Where attacks no longer succeed, for instance, their distance is not defined any more.

    Args:
        compared: with verdicts.
        direction: of the metric of a row of A: "max", "min" or another word.
    """
    worse = {_same_row(each) for each in compared if each.verdict == "worse"}
    return [replace(each, excused=True) if _is_excused(each, worse, direction) else each for each in compared]


def _is_excused(each: Compared, worse: set[Hashable], direction: DirectionOf) -> bool:
    if _has_no_number(each.estimate_a):
        return True
    return (
        _has_no_number(each.estimate_b) and _same_row(each) not in worse and max(_gains(each, direction), default=0) > 0
    )


def _has_no_number(estimate: Estimate | None) -> bool:
    return estimate is not None and estimate.value is None and estimate.applies


def _same_row(each: Compared) -> Hashable:
    row = each.a
    return row.experiment, row.derived, tuple(sorted(row.labels.items())), row.seed, row.key


def _gains(each: Compared, direction: DirectionOf) -> Iterator[float]:
    """Yield by how much each metric of the row is better in B."""
    others = {} if each.b is None else each.b.estimates
    for name, one in each.a.estimates.items():
        sign = {"max": 1, "min": -1}.get(direction(each.a, name), 0)
        value = others[name].value if name in others else None
        if one.value is not None and value is not None:
            yield sign * (value - one.value)
