"""Ranks of models that were measured alike, with the ranks that the examples leave open.

A generative model is ranked together with the sampler that draws from it: the two make the samples. Attacks and
attribution methods are what models are measured by, so each is a table of its own.

Every two models are tested against each other: example by example where both have records of the same examples (exact
McNemar for yes or no, else the paired bootstrap), from their two intervals otherwise. The p-values of all pairs are
adjusted: where all models have the same examples, step by step with the covariance of the models, else by Holm's
procedure, which takes the tests for the worst that they might be together. A model's rank lies between 1 + (models
significantly better) and n - (models significantly worse); all these intervals hold together with 95 % (Mogstad,
Romano, Shaikh & Wilhelm 2024, "Inference for Ranks", Review of Economic Studies 91:476-518, with exact tests in place
of their bootstrap). Ten models that are a point apart have 6.7 of 9 further ranks open with 500 examples and 3.4 with
2000: that is what such differences allow.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.contract.cells import TREATMENTS, Role, canonical, digest
from harness.contract.context import derive_seed
from harness.contract.errors import InvalidOutput, UsageError
from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.results.comparison.compare import SIGNIFICANCE, MetricFacts, Side, paired_values
from harness.results.spread import is_spread
from harness.results.table import KEY_LENGTH, display_headings
from harness.statistics.paired import Difference, holm, independent_difference, paired_difference
from harness.statistics.step_down import step_down

_MEASURED_BY: tuple[Role, ...] = tuple(role for role in TREATMENTS if role != "sampler")


@dataclass(frozen=True)
class RankedModel:
    """A row of the table in a ranking, the run that it comes from, and its name: the model, with its sampler if any."""

    row: Row
    side: Side
    name: str


@dataclass(frozen=True)
class Protocol:
    """Rows that can be ranked: they share a comparability key and a treatment.

    Attributes:
        key: the comparability key, as tables show the start of it.
        treatment: the label of the attack or the like; empty if there is none.
        models: the rows, one for each model, sampler and seed.
    """

    key: str
    treatment: str
    models: Sequence[RankedModel]

    @property
    def row(self) -> Row:
        """A row that says what is measured."""
        return self.models[0].row


@dataclass(frozen=True)
class Place:
    """A model's place.

    Attributes:
        name: of the model.
        rank: 1 + the number of models with a better value.
        shared: whether another model has the same value.
        low, high: the ranks that the examples leave open.
        estimate: what it is ranked by; `others` are its other metrics.
        tied: the models that the examples cannot tell from it.
    """

    name: str
    rank: int
    shared: bool
    low: int
    high: int
    estimate: Estimate
    others: Mapping[str, Estimate]
    tied: tuple[str, ...]


@dataclass(frozen=True)
class Board:
    """Models ranked by a metric under a protocol.

    Attributes:
        protocol: what they were measured by.
        metric, facts: what they are ranked by.
        places: best first.
        unranked: (name, status, reason) of rows that are not ok, or have no number that can be ranked.
        methods: how pairs were tested, and how many pairs that way.
    """

    protocol: Protocol
    metric: str
    facts: MetricFacts
    places: Sequence[Place]
    unranked: Sequence[tuple[str, str, str]] = ()
    methods: Mapping[str, int] = field(default_factory=dict)


def protocols(sides: Sequence[Side]) -> list[Protocol]:
    """Every protocol that rows of the sides have in common; of a model measured twice, the last side counts."""
    grouped: dict[tuple[str, str], dict[str, RankedModel]] = {}
    for side in sides:
        for row in side.rows:
            if row.key and row.labels.get("model", "none") not in ("", "none") and not is_spread(row):
                made = [row.components.get("model"), row.components.get("sampler")]
                same = digest([*made, row.seed, row.labels["model"] if row.derived else ""])
                grouped.setdefault((row.key, _treatment(row)), {})[same] = RankedModel(row, side, _entry_name(row))
    return [
        Protocol(key, _treatment_label(models), _named(list(models.values())))
        for (key, _), models in sorted(grouped.items(), key=lambda item: _order(next(iter(item[1].values())).row))
    ]


def _entry_name(row: Row) -> str:
    sampler = row.labels.get("sampler", "none")
    return row.labels["model"] + (f" / {sampler}" if sampler != "none" else "")


def _treatment(row: Row) -> str:
    return canonical({role: row.components.get(role) for role in _MEASURED_BY if row.components.get(role)})


def _treatment_label(models: Mapping[str, RankedModel]) -> str:
    labels = next(iter(models.values())).row.labels
    treated = [labels[role] for role in _MEASURED_BY if labels.get(role, "none") != "none"]
    return " / ".join([*treated, *([labels["group"]] if "group" in labels else [])])


def _order(row: Row) -> tuple[Any, ...]:
    return (row.labels.get("data", ""), bool(row.derived), str(row.labels.get("attack", "")), row.key)


def _named(models: list[RankedModel]) -> list[RankedModel]:
    """Return the models with distinct names: with seed or run where labels alone do not tell them apart."""
    seeds = {model.row.seed for model in models}
    named = [
        RankedModel(each.row, each.side, f"{each.name} (seed {each.row.seed})" if len(seeds) > 1 else each.name)
        for each in models
    ]
    times = Counter(each.name for each in named)
    return [
        RankedModel(each.row, each.side, f"{each.name} ({each.side.name})" if times[each.name] > 1 else each.name)
        for each in named
    ]


def chosen_protocols(candidates: Sequence[Protocol], key: str, treatment: str = "*") -> list[Protocol]:
    """The protocols whose key starts like this and whose treatment, or the sampler of whose rows, matches a pattern.

    Raises:
        UsageError: there is none, or the start of the key is that of several.
    """
    matching = [each for each in candidates if key and each.key.startswith(key)]
    if not matching:
        raise UsageError(f"--protocol {key!r}: no row has such a key; without --protocol all keys are listed")
    if len({each.key for each in matching}) > 1:
        several = ", ".join(sorted({each.key[:KEY_LENGTH] for each in matching}))
        raise UsageError(f"--protocol {key!r} is the start of several keys: {several}")
    chosen = [each for each in matching if fnmatch.fnmatchcase(each.treatment, treatment)]
    chosen = chosen or [each for protocol in matching for each in _drawn_by(protocol, treatment)]
    if not chosen:
        samplers = dict.fromkeys(model.row.labels.get("sampler", "") for each in matching for model in each.models)
        known = [name for name in (*(each.treatment for each in matching), *samplers) if name]
        raise UsageError(f"--treatment {treatment!r}: this key has {', '.join(known)}")
    return chosen


def _drawn_by(protocol: Protocol, pattern: str) -> list[Protocol]:
    """The protocol with only those rows whose sampler matches a pattern; none without such rows."""
    models = [each for each in protocol.models if fnmatch.fnmatchcase(each.row.labels.get("sampler", ""), pattern)]
    return [replace(protocol, models=models)] if models else []


def board(protocol: Protocol, metric: str = "") -> Board:
    """The models of a protocol, ranked.

    Args:
        protocol: whose rows.
        metric: what to rank by; by default the first metric with a direction, those that rows without a treatment
            have too coming last.

    Raises:
        UsageError: no row has the metric, or it has no direction.
    """
    metric = metric or _default_metric(protocol)
    candidates = [each for each in protocol.models if _number(each, metric) is not None]
    facts = _facts(protocol, metric)
    counted = Counter(_measured_by(each, metric) for each in candidates)
    usual = counted.most_common(1)[0][0] if counted else ""
    ranked = [each for each in candidates if _measured_by(each, metric) == usual]
    others = [each for each in protocol.models if each not in ranked]
    methods: Counter[str] = Counter()
    better = _significantly_better(ranked, metric, facts, methods)
    places = [_place(each, ranked, metric, facts, better) for each in ranked]
    places.sort(key=lambda place: (place.rank, place.low, place.high, place.name))
    unranked = [_why_unranked(each, metric) for each in others]
    return Board(protocol, metric, facts, places, unranked, methods)


def _number(model: RankedModel, metric: str) -> float | None:
    estimate = model.row.estimates.get(metric)
    return estimate.value if estimate is not None and model.row.status is Status.OK else None


def _measured_by(model: RankedModel, metric: str) -> str:
    """Return what must be equal besides the protocol: the metric's version and parameters, and its unit."""
    identity = model.side.facts(model.row, metric).identity
    return canonical([identity, model.row.estimates[metric].within])


def _why_unranked(model: RankedModel, metric: str) -> tuple[str, str, str]:
    row, estimate = model.row, model.row.estimates.get(metric)
    if row.status is not Status.OK:
        return model.name, str(row.status), row.reason
    if estimate is None or estimate.value is None:
        return model.name, "no number", "it was not measured" if estimate is None else estimate.reason
    return model.name, "other metric", f"another version or parameters of {metric}, or per another {estimate.within}"


def _default_metric(protocol: Protocol) -> str:
    names = dict.fromkeys(name for each in protocol.models for name in each.row.estimates)
    fit = [name for name in names if any(_number(each, name) is not None for each in protocol.models)]
    fit = [name for name in fit if _has_direction(protocol, name)]
    if not fit:
        raise UsageError(f"no row of {protocol.key[:KEY_LENGTH]} that is ok has a metric with a direction to rank by")
    untreated = {
        name
        for each in protocol.models
        for row in each.side.rows
        if not row.derived and not any(row.components.get(role) for role in _MEASURED_BY)
        for name, estimate in row.estimates.items()
        if estimate.value is not None
    }
    return min(fit, key=lambda name: bool(protocol.treatment) and name in untreated)


def _has_direction(protocol: Protocol, metric: str) -> bool:
    try:
        return _facts(protocol, metric).direction in ("max", "min")
    except UsageError:
        return False


def _facts(protocol: Protocol, metric: str) -> MetricFacts:
    candidates = [each.side.facts(each.row, metric) for each in protocol.models if metric in each.row.estimates]
    if not candidates:
        names = dict.fromkeys(name for each in protocol.models for name in each.row.estimates)
        raise UsageError(f"no row of {protocol.key[:KEY_LENGTH]} has a metric {metric!r}; it has {', '.join(names)}")
    facts = next((each for each in candidates if each.direction), candidates[0])
    if facts.direction == "none":
        raise UsageError(f"metric {metric!r} has no direction: neither more nor less of it is better")
    # A derived row may call a metric as its cells do; its direction is then that of any row.
    return facts if facts.direction else _facts_anywhere(protocol, metric)


def _facts_anywhere(protocol: Protocol, metric: str) -> MetricFacts:
    for model in protocol.models:
        for (_, name), facts in model.side.metrics.items():
            if name == metric and facts.direction in ("max", "min"):
                return facts
    raise UsageError(f"the direction of metric {metric!r} is not known; install the plugin that has it")


def _significantly_better(
    ranked: Sequence[RankedModel], metric: str, facts: MetricFacts, methods: Counter[str]
) -> set[tuple[str, str]]:
    """Return (winner, loser) of every pair whose difference is significant."""
    pairs = list(combinations(ranked, 2))
    differences = [_difference(one, other, metric) for one, other in pairs]
    methods.update(difference.method for difference in differences)
    tested = [i for i, difference in enumerate(differences) if difference.p is not None]
    adjusted = _adjusted([float(differences[i].p or 0.0) for i in tested], [pairs[i] for i in tested], ranked, metric)
    significant = set()
    for i, p in zip(tested, adjusted, strict=True):
        value = differences[i].value
        if p < SIGNIFICANCE and value != 0:
            one, other = pairs[i]
            winner, loser = (other, one) if (value > 0) == (facts.direction == "max") else (one, other)
            significant.add((winner.name, loser.name))
    return significant


def _adjusted(
    p: Sequence[float], pairs: Sequence[tuple[RankedModel, RankedModel]], ranked: Sequence[RankedModel], metric: str
) -> Sequence[float]:
    """Return the p-values of pairs adjusted for their number, and for their dependence where it is known."""
    covariance = _covariance(ranked, metric) if len(p) > 1 else None
    if covariance is None:
        return holm(p)
    position = {model.name: i for i, model in enumerate(ranked)}
    first, second = ([position[pair[side].name] for pair in pairs] for side in (0, 1))
    return [float(adjusted) for adjusted in step_down(p, first, second, covariance)]


def _covariance(ranked: Sequence[RankedModel], metric: str) -> npt.NDArray[np.float64] | None:
    """Return the covariance of the models' means, or None unless all have a value for each of the same examples."""
    columns = []
    for model in ranked:
        try:
            paired = paired_values(ranked[0].side, ranked[0].row, model.side, model.row, metric)
        except InvalidOutput:
            paired = None
        if paired is None or not np.isfinite(paired[1]).all():
            return None
        columns.append(paired[1])
    n = len(columns[0])
    return np.atleast_2d(np.cov(np.stack(columns))) / n if n > 1 else None


def _difference(one: RankedModel, other: RankedModel, metric: str) -> Difference:
    """Other minus one, example by example if both have the same examples."""
    try:
        paired = paired_values(one.side, one.row, other.side, other.row, metric)
    except InvalidOutput:
        paired = None
    if paired is None:
        return independent_difference(one.row.estimates[metric], other.row.estimates[metric])
    seed = derive_seed(0, "leaderboard", metric, one.name, other.name)
    return paired_difference(*paired, np.random.default_rng(seed))


def _place(
    one: RankedModel, ranked: Sequence[RankedModel], metric: str, facts: MetricFacts, better: Iterable[tuple[str, str]]
) -> Place:
    sign = 1.0 if facts.direction == "max" else -1.0
    values = {other.name: sign * float(_number(other, metric) or 0.0) for other in ranked}
    own = values[one.name]
    above = {winner for winner, loser in better if loser == one.name}
    below = {loser for winner, loser in better if winner == one.name}
    return Place(
        name=one.name,
        rank=1 + sum(value > own for value in values.values()),
        shared=sum(value == own for value in values.values()) > 1,
        low=1 + len(above),
        high=len(ranked) - len(below),
        estimate=one.row.estimates[metric],
        others={name: estimate for name, estimate in one.row.estimates.items() if name != metric},
        tied=tuple(name for name in values if name != one.name and name not in above | below),
    )


def meanings(all_protocols: Sequence[Protocol]) -> Iterator[tuple[str, ...]]:
    """Yield what each protocol means: key, task, data, n, treatment, what its task shows, number of models, metrics."""
    shown = display_headings([protocol.row for protocol in all_protocols])
    for protocol in all_protocols:
        row = protocol.row
        names = dict.fromkeys(
            name for model in protocol.models for name, estimate in model.row.estimates.items() if estimate.applies
        )
        ok = sum(model.row.status is Status.OK for model in protocol.models)
        models = str(ok) if ok == len(protocol.models) else f"{ok} of {len(protocol.models)}"
        yield (
            protocol.key[:KEY_LENGTH],
            row.task,
            row.labels.get("data", ""),
            str(row.n or ""),
            protocol.treatment,
            *(row.display.get(heading, "") for heading in shown),
            models,
            ", ".join(names),
        )
