"""Comparing two runs: which numbers may be compared, their differences, and the verdict on each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.contract.context import derive_seed
from harness.contract.errors import InvalidOutput, UsageError
from harness.contract.records import Records
from harness.contract.rows import Row, Status
from harness.contract.tasks import Influences
from harness.results.comparison.alignment import Pair, align, parse_renaming
from harness.results.comparison.comparability import Field, differing_fields, metric_fields
from harness.results.comparison.compared import SIGNIFICANCE as SIGNIFICANCE
from harness.results.comparison.compared import VERDICTS as VERDICTS
from harness.results.comparison.compared import Compared as Compared
from harness.results.comparison.compared import Comparison as Comparison
from harness.results.comparison.compared import MetricFacts as MetricFacts
from harness.results.comparison.compared import Verdict as Verdict
from harness.results.comparison.excuses import excused
from harness.results.comparison.training import (
    count_rows,
    notes_on_weights,
    of_one_training,
    over_trainings,
    same_but_for_seed,
    trained_anew,
    weights_of_rows,
)
from harness.statistics.paired import (
    Difference,
    holm,
    independent_difference,
    influence_difference,
    paired_difference,
)
from harness.suite.schema import did_you_mean

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ExampleValues:
    """A metric's value for each example; NaN where an example does not count."""

    ids: Sequence[str]
    values: Values


@dataclass(frozen=True)
class ExampleInfluences:
    """What each example, and other data, adds to a metric that is no mean over examples."""

    ids: Sequence[str]
    influences: Influences


def _no_records(row: Row) -> None:
    """The records of a bare table."""


def _nothing(row: Row, metric: str) -> None:
    return None


@dataclass(frozen=True)
class Side:
    """One of the two things compared.

    Attributes:
        name: what tables call it.
        source: the folder of the run, or the table file.
        rows: its rows.
        metrics: (experiment, metric label) to what is known of the metric.
        values: the values per example of a metric at a row; None if there are no records or the metric has no value
            per example. Raises InvalidOutput if the metric fails.
        influences: what the examples add to a metric at a row; None if there are no records or the metric does not say.
            Raises InvalidOutput if the metric fails.
        records: reads the records of a row; None if there are none.
    """

    name: str
    source: Path
    rows: Sequence[Row]
    metrics: Mapping[tuple[str, str], MetricFacts] = field(default_factory=dict)
    values: Callable[[Row, str], ExampleValues | None] = _nothing
    influences: Callable[[Row, str], ExampleInfluences | None] = _nothing
    records: Callable[[Row], Records | None] = _no_records

    def facts(self, row: Row, metric: str) -> MetricFacts:
        """Return what is known of the metric of a row."""
        return self.metrics.get((row.experiment, metric), MetricFacts())


def compare(
    a: Side, b: Side, pairs: Sequence[str] = (), allowed: Sequence[str] = (), metrics: Sequence[str] = ()
) -> Comparison:
    """Compare B with A, row by row and metric by metric.

    Args:
        a, b: the sides.
        pairs: texts `OLD=NEW`, labels of A that are renamed before rows are paired. Within one run only rows with a
            renamed label take part.
        allowed: fields that may differ; a name stands for all fields below it too.
        metrics: the metrics to compare; all if empty.

    Raises:
        UsageError: a pair names labels, or `metrics` names metrics, that do not exist.
    """
    _check_metrics(metrics, a)
    renamed = parse_renaming(pairs, a.rows, b.rows)
    same = a.source.resolve() == b.source.resolve()
    aligned = align(a.rows, b.rows, renamed, only_renamed=bool(renamed) and same)
    drafts = [each for each in _drafts(aligned, a, b, tuple(allowed)) if not metrics or each.metric in ("", *metrics)]
    tested = [each.difference.p for each in drafts if each.difference and each.difference.p is not None]
    adjusted = iter(holm(tested))
    compared = excused([_with_verdict(each, adjusted) for each in drafts], partial(_direction, a, b))
    used = {
        name: len({id(each.a) for each in drafts if any(f.allowed_by((name,)) for f in each.allowed)})
        for name in allowed
    }
    return Comparison(a.name, b.name, compared, len(tested), used, tuple(_notes(aligned, a, b)))


def contrasted(side: Side, one: Row, other: Row, metric: str, allowed: Sequence[str]) -> Compared:
    """Two rows of one side compared on one metric, without a verdict: other minus one, or why there is no difference.

    Args:
        side: theirs.
        one, other: the rows.
        metric: its label.
        allowed: fields that may differ, such as the treatment that is contrasted.
    """
    facts = side.facts(one, metric)
    draft = Compared(one, other, metric, facts if facts.direction else side.facts(other, metric))
    refused, passed = _split_by_allowed(differing_fields(one, other), tuple(allowed))
    if refused:
        return replace(draft, fields=refused, allowed=passed)
    return _of_metric(replace(draft, allowed=passed), side, side, tuple(allowed))


def _check_metrics(metrics: Sequence[str], a: Side) -> None:
    known = sorted({name for row in a.rows for name in row.estimates})
    for name in metrics:
        if name not in known:
            raise UsageError(f"no row of {a.name} has the metric {name!r}; {did_you_mean(name, known)}")


def _drafts(aligned: Sequence[Pair], a: Side, b: Side, allowed: tuple[str, ...]) -> Iterator[Compared]:
    """Yield what is compared, without verdicts: pairs of rows, and of rows trained anew all seeds at once."""
    weights = weights_of_rows(a.rows), weights_of_rows(b.rows)
    alike_in_a, alike_in_b = same_but_for_seed(a.rows), same_but_for_seed(b.rows)
    over_seeds: set[int] = set()
    for pair in aligned:
        if pair.a is None:
            continue
        if id(pair.a) in over_seeds:
            yield from (each for each in _compared(pair, a, b, allowed) if each.lost)
            continue
        anew = pair.b is not None and trained_anew(pair.a, pair.b, *weights)
        drafts = list(_compared(pair, a, b, allowed))
        if not anew or pair.b is None or pair.b.status is not Status.OK:
            yield from drafts
            continue
        ours, theirs = alike_in_a(pair.a), alike_in_b(pair.b)
        if min(len(ours), len(theirs)) > 1:
            over_seeds |= {id(row) for row in ours}
            yield from (over_trainings(each, ours, theirs) for each in drafts)
        else:
            yield from map(of_one_training, drafts)


def _compared(pair: Pair, a: Side, b: Side, allowed: tuple[str, ...]) -> Iterator[Compared]:
    one, other = pair.a, pair.b
    if one is None or one.status is not Status.OK:
        return
    if other is None:
        yield Compared(one, None, reason="not in B", lost=True)
        return
    if other.status is not Status.OK:
        yield Compared(one, other, reason=f"{other.status} in B: {other.reason}".removesuffix(": "), lost=True)
        return
    refused, passed = _split_by_allowed(differing_fields(one, other), allowed)
    if refused:
        yield Compared(one, other, fields=refused, allowed=passed)
        return
    for metric in one.estimates:
        facts = _facts(one, other, metric, a, b)
        if facts.direction != "none" and _has_a_value(one, other, metric):
            yield _of_metric(Compared(one, other, metric, facts, allowed=passed), a, b, allowed)


def _split_by_allowed(fields: Sequence[Field], allowed: tuple[str, ...]) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    """Split fields into those that may not differ and those that may."""
    refused = tuple(each for each in fields if not each.allowed_by(allowed))
    return refused, tuple(each for each in fields if each not in refused)


def _facts(one: Row, other: Row, metric: str, a: Side, b: Side) -> MetricFacts:
    """Return what is known of a metric, preferring the side where its component is known."""
    candidates = sorted((a.facts(one, metric), b.facts(other, metric)), key=lambda facts: facts.identity is None)
    facts = next((facts for facts in candidates if facts.direction), candidates[0])
    return replace(facts, direction="min") if one.is_gap and facts.direction == "max" else facts


def _direction(a: Side, b: Side, row: Row, metric: str) -> str:
    return _facts(row, row, metric, a, b).direction


def _has_a_value(one: Row, other: Row, metric: str) -> bool:
    estimates = [row.estimates[metric] for row in (one, other) if metric in row.estimates]
    return any(estimate.value is not None for estimate in estimates)


def _of_metric(draft: Compared, a: Side, b: Side, allowed: tuple[str, ...]) -> Compared:
    """Return the draft with its difference, or with the reason why there is none."""
    one, other = draft.estimate_a, draft.estimate_b
    if one is None or other is None or draft.b is None:
        return replace(draft, reason="not measured in B")
    for side, estimate in (("A", one), ("B", other)):
        if estimate.value is None:
            verb = "undefined" if estimate.applies else "not applicable"
            return replace(draft, reason=f"{verb} in {side}: {estimate.reason}")
    identities = a.facts(draft.a, draft.metric).identity, b.facts(draft.b, draft.metric).identity
    refused, passed = _split_by_allowed(metric_fields(*identities), allowed)
    within = [Field("metric.within", one.within, other.within)] if one.within != other.within else []
    more_refused, more_passed = _split_by_allowed(within, allowed)
    draft, refused = replace(draft, allowed=(*draft.allowed, *passed, *more_passed)), (*refused, *more_refused)
    if refused:
        return replace(draft, fields=refused)
    assert one.value is not None
    assert other.value is not None
    # As the two columns of the table say; the mean of the values per example may differ from it by round-off.
    value = 0.0 if one.value == other.value else other.value - one.value
    try:
        difference = _paired(draft, a, b, value) or independent_difference(one, other)
    except InvalidOutput as error:
        return replace(draft, reason=str(error))
    return replace(draft, verdict="not resolved", difference=replace(difference, value=value))


def _paired(draft: Compared, a: Side, b: Side, value: float) -> Difference | None:
    """The difference over the same examples; None if there are no records, or not of the same examples."""
    assert draft.b is not None
    paired = paired_values(a, draft.a, b, draft.b, draft.metric)
    if paired is None:
        return _by_influences(draft, a, b, value)
    labels = [f"{role}={label}" for role, label in sorted(draft.a.labels.items())]
    seed = derive_seed(draft.a.seed, "compare", draft.a.experiment, draft.metric, *labels)
    return paired_difference(*paired, np.random.default_rng(seed))


def _by_influences(draft: Compared, a: Side, b: Side, value: float) -> Difference | None:
    """The difference of a metric of whole sets over the data that both rows share; None if they do not."""
    assert draft.b is not None
    one, other = a.influences(draft.a, draft.metric), b.influences(draft.b, draft.metric)
    if one is None or other is None or set(one.ids) != set(other.ids):
        return None
    position = {name: i for i, name in enumerate(other.ids)}
    parts = dict(other.influences.parts)
    if "records" in parts:
        parts["records"] = parts["records"][[position[name] for name in one.ids]]
    return influence_difference(value, one.influences.parts, parts, one.influences.freedom)


def paired_values(a: Side, one: Row, b: Side, other: Row, metric: str) -> tuple[Values, Values] | None:
    """The values of both rows in the order of the first one's examples; None if they are not of the same examples.

    Raises:
        InvalidOutput: the metric fails.
    """
    first = a.values(one, metric)
    second = None if first is None else b.values(other, metric)
    if first is None or second is None:
        return None
    position = {name: i for i, name in enumerate(second.ids)}
    if set(first.ids) != set(position):
        return None
    return first.values, second.values[[position[name] for name in first.ids]]


def _with_verdict(draft: Compared, adjusted: Iterator[float]) -> Compared:
    """The draft with its adjusted p-value, taken from the iterator if it was tested, and its verdict."""
    if draft.difference is None or draft.difference.p is None:
        return draft
    p = next(adjusted)
    if p >= SIGNIFICANCE or draft.difference.value == 0:
        return replace(draft, p_holm=p)
    if draft.facts.direction not in ("max", "min"):
        return replace(draft, p_holm=p, verdict="changed")
    rose = draft.difference.value > 0
    return replace(draft, p_holm=p, verdict="better" if rose == (draft.facts.direction == "max") else "worse")


def _notes(aligned: Sequence[Pair], a: Side, b: Side) -> Iterator[str]:
    """Yield what is left out of the comparison, and what could not be checked."""
    only_b = sum(pair.a is None for pair in aligned)
    if only_b:
        yield f"{count_rows(only_b)} only in B"
    broken = sum(pair.a is not None and pair.a.status is not Status.OK for pair in aligned)
    if broken:
        yield f"{count_rows(broken)} of A not ok, left out"
    both = [(pair.a, pair.b) for pair in aligned if pair.a is not None and pair.b is not None]
    new = dict.fromkeys(m for one, other in both for m in other.estimates if m not in one.estimates and one.estimates)
    if new:
        yield f"measured in B only: {', '.join(new)}"
    yield from notes_on_weights(both, weights_of_rows(a.rows), weights_of_rows(b.rows))
    for side in (a, b):
        if side.rows and not any(facts.identity for facts in side.metrics.values()):
            yield f"{side.name} is a table: versions of metrics are not checked, and no test is paired"
