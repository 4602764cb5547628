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

    Where attacks no longer succeed, for instance, their distance is not defined any more. That is excused of another
    model and of the chance of a few examples; attacks that clearly do less to the very same network are broken.

    Args:
        compared: with verdicts.
        direction: of the metric of a row of A: "max", "min" or another word.
    """
    doubtful = {_same_row(each) for each in compared if each.verdict == "worse"}
    doubtful |= {_same_row(each) for each in compared if each.verdict == "better" and _of_one_network(each)}
    return [replace(each, excused=True) if _is_excused(each, doubtful, direction) else each for each in compared]


def _of_one_network(each: Compared) -> bool:
    """Whether both rows are of a model of one recipe and the same weights."""
    model = each.a.components.get("model")
    if model is None or each.b is None or model != each.b.components.get("model"):
        return False
    return each.a.trained_weights == each.b.trained_weights


def _is_excused(each: Compared, doubtful: set[Hashable], direction: DirectionOf) -> bool:
    if _has_no_number(each.estimate_a):
        return True
    if not _has_no_number(each.estimate_b) or _same_row(each) in doubtful:
        return False
    return max(_gains(each, direction), default=0) > 0


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
