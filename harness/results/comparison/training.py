"""Rows whose weights were trained anew: the recipe is the same, the weights are not.

Training differs between processors, so that such rows differ without any change of code. Examples say nothing about
that variation; seeds do, where both sides have several.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace

from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.results.comparison.comparability import differing_fields
from harness.results.comparison.compared import Compared
from harness.statistics.intervals import mean
from harness.statistics.paired import Difference
from harness.statistics.trainings import welch_difference

ONE_TRAINING = "one training on a side: no evidence of a change of code"
_OVER_SEEDS = "over_seeds"
WeightsOf = Callable[[Row], str]


def weights_of_rows(rows: Sequence[Row]) -> WeightsOf:
    """Return a function from a row to the digest of the weights trained for it, empty if none are known.

    A derived row, such as a worst case over attacks, has those of the cells of its experiment, seed and model.
    """
    trained: dict[Hashable, set[str]] = {}
    for row in rows:
        if row.trained_weights:
            trained.setdefault(_trained_as(row), set()).add(row.trained_weights)

    def of(row: Row) -> str:
        return row.trained_weights or ",".join(sorted(trained.get(_trained_as(row), ())))

    return of


def _trained_as(row: Row) -> Hashable:
    return row.experiment, row.seed, row.labels.get("model", "")


def trained_anew(one: Row, other: Row, weights_a: WeightsOf, weights_b: WeightsOf) -> bool:
    """Whether two rows of one recipe have weights that were trained, each for its side."""
    if _OVER_SEEDS in one.protocol:
        return False
    digests = weights_a(one), weights_b(other)
    same_recipe = one.components.get("model") == other.components.get("model")
    return same_recipe and all(digests) and digests[0] != digests[1]


def same_but_for_seed(rows: Sequence[Row]) -> Callable[[Row], list[Row]]:
    """Return a function from a row of a side to those that were measured and differ from it by the seed.

    What is drawn with the seed may differ too.
    """
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        if row.status is Status.OK:
            groups.setdefault(_but_for_seed(row), []).append(row)

    def alike(row: Row) -> list[Row]:
        return [each for each in groups.get(_but_for_seed(row), ()) if not _differ(row, each)]

    return alike


def _but_for_seed(row: Row) -> Hashable:
    return row.experiment, row.derived, frozenset(row.labels.items())


def _differ(row: Row, other: Row) -> bool:
    return any(not field.allowed_by(("data",)) for field in differing_fields(row, other))


def of_one_training(draft: Compared) -> Compared:
    """The draft without a test: the examples do not say how much the weights of another training would differ."""
    if draft.difference is None:
        return replace(draft, anew=True)
    difference = Difference(draft.difference.value, None, None, None, ONE_TRAINING)
    return replace(draft, anew=True, difference=difference)


def over_trainings(draft: Compared, ours: Sequence[Row], theirs: Sequence[Row]) -> Compared:
    """The draft with the test over the trainings of both sides in place of that over examples."""
    assert draft.b is not None
    if draft.fields or not draft.metric:
        return replace(draft, anew=True)
    one, other, difference = _means(ours, theirs, draft.metric)
    if difference is None:
        return of_one_training(draft)
    return replace(
        draft,
        a=_with_estimate(draft.a, draft.metric, one),
        b=_with_estimate(draft.b, draft.metric, other),
        verdict="not resolved",
        difference=difference,
        reason="",
        anew=True,
        seeds=" → ".join(dict.fromkeys(_seeds(rows) for rows in (ours, theirs))),
    )


def _with_estimate(row: Row, metric: str, estimate: Estimate) -> Row:
    return replace(row, estimates={**row.estimates, metric: estimate})


def _seeds(rows: Sequence[Row]) -> str:
    return ", ".join(str(seed) for seed in sorted({row.seed for row in rows}))


def _means(a: Sequence[Row], b: Sequence[Row], metric: str) -> tuple[Estimate, Estimate, Difference | None]:
    """The means of a metric over trainings, and their difference; None where a side has one value."""
    ours, theirs = _values(a, metric), _values(b, metric)
    means = (mean(ours, n_missing=len(a) - len(ours)), mean(theirs, n_missing=len(b) - len(theirs)))
    if min(len(ours), len(theirs)) < 2:
        return *means, None
    examples = max(row.estimates[metric].n for row in (*a, *b) if metric in row.estimates)
    return *means, welch_difference(ours, theirs, 1 / max(examples, 1))


def _values(rows: Sequence[Row], metric: str) -> list[float]:
    estimates = (row.estimates.get(metric) for row in rows)
    return [each.value for each in estimates if each is not None and each.value is not None]


def notes_on_weights(both: Sequence[tuple[Row, Row]], weights_a: WeightsOf, weights_b: WeightsOf) -> Iterator[str]:
    """Yield what the weights of the two sides mean for the comparison."""
    anew = [one for one, other in both if trained_anew(one, other, weights_a, weights_b)]
    if anew:
        yield (
            f"{count_rows(len(anew))} trained anew: the recipe is the same and the weights differ; "
            "only several seeds on both sides, or weights from a file, tell a change of code from another training"
        )
    silent = sum(
        one.components.get("model") == other.components.get("model") and not weights_a(one) and bool(weights_b(other))
        for one, other in both
    )
    if silent:
        yield f"{count_rows(silent)} trained in B: A does not say which weights it had"


def count_rows(n: int) -> str:
    """Return "1 row" or "n rows"."""
    return f"{n} row{'s' if n != 1 else ''}"
