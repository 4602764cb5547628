"""How close each attack comes to the best of all: a leaderboard of attacks, after AttackBench."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt

from harness.api import Estimate, MeasuredCell, Row, Status, Threat, mean
from harness_adversarial.metrics.smallest_distances import Combined, Floats, combined, grouped, smallest_of

NAME = "optimality"
ALL_MODELS = "all models"


@dataclass(frozen=True)
class Areas:
    """The areas that an attack won of one model's curve, and those that were there to be won.

    Both are by example, and 0 where the model is wrong without attack.

    Attributes:
        won: `[n]`, the length of the budgets at which an attack has fooled the model.
        winnable: `[n]`, the same of the best attack for each example.
    """

    won: Floats
    winnable: Floats

    @classmethod
    def of(cls, distances: Floats, best: Floats, limit: float) -> Areas:
        """From the smallest distances `[n]` of an attack and of all attacks, see `smallest_of`, up to a budget."""
        right = best > 0
        return cls(*(np.where(right, limit - np.minimum(each, limit), 0.0) for each in (distances, best)))

    def shares(self) -> Floats:
        """`[n]`, whose mean is the optimality, and whose spread is that of its error (the delta method)."""
        value = self.won.sum() / self.winnable.sum()
        return np.asarray(value + (self.won - value * self.winnable) / self.winnable.mean())


def optimality(areas: Sequence[Areas], n_missing: int = 0) -> Estimate:
    """1 - (A - A*) / (A0 - A*), the mean over models, where A is the area under the curve of robust accuracy.

    A* is that of the best attack for each example, and A0 that of a model that nothing fools beyond what it gets wrong
    without attack: the value is the share of the area that could be won which the attack has won. The interval takes
    models, attacks and the largest budget as given, and examples as drawn.

    Args:
        areas: of one attack on each model, on the same examples.
        n_missing: examples on which an attack went wrong.
    """
    if any(each.winnable.sum() == 0 for each in areas):
        return Estimate.undefined("no attack has fooled the model", n_missing=n_missing)
    shares = np.mean([each.shares() for each in areas], axis=0)
    return mean(shares, least=0.0, most=1.0, n_missing=n_missing)


class Optimality:
    """Per attack and model: the area of its robust-accuracy curve against that of the best attack for each example.

    1 where an attack is the best one for every example, 0 where it finds nothing. The best is taken over all attacks of
    the experiment that seek smallest distances in one norm, native, of torchattacks or of third parties, those that
    took too many passes included. With several models on the same examples, the mean over them is a row of its own.

    Args:
        passes: forward and backward passes per example that an attack may take; those that took more are not ranked.
        limit: the largest budget; the largest of the smallest distances that were found if left out.
    """

    direction = "max"
    unit = "fraction"

    def __init__(
        self, passes: Annotated[float, Gt(0)] | None = None, limit: Annotated[float, Gt(0)] | None = None
    ) -> None:
        self._passes, self._limit = passes, limit

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """One row per attack, model, data and seed, and one per attack over all models; the best attack first."""
        for family in grouped(combined(cells), _setting):
            models = [_Attacked.of(each, self._limit) for each in family]
            for model in models:
                yield from self._ranked([model], {})
            if len(models) > 1 and len({(model.ids, tuple(model.cells)) for model in models}) == 1:
                yield from self._ranked(models, {"model": ALL_MODELS})

    def _ranked(self, models: Sequence[_Attacked], labels: Mapping[str, str]) -> list[Row]:
        attacks = list(models[0].cells)
        rows = [self._row([model.cells[attack] for model in models], models, attack, labels) for attack in attacks]
        return sorted(rows, key=lambda row: -(row.estimates[NAME].value or 0.0))

    def _row(
        self, cells: Sequence[MeasuredCell], models: Sequence[_Attacked], attack: str, labels: Mapping[str, str]
    ) -> Row:
        first, threat = cells[0].row, models[0].threat
        passes = [cell.row.cost.get("passes", math.nan) for cell in cells]
        estimate = optimality([model.areas[attack] for model in models], sum(model.n_missing for model in models))
        if self._passes is not None and not max(passes) <= self._passes:
            reason = f"took {max(passes):,.0f} passes per example, and {self._passes:,.0f} are allowed"
            estimate = Estimate.undefined(reason, n=estimate.n, n_missing=estimate.n_missing)
        doubtful = next((cell.row for cell in cells if cell.row.status is Status.SUSPECT), None)
        # The best of other attacks is another scale.
        protocol = {"threat": asdict(threat), "attacks": sorted(models[0].cells)}
        return Row(
            experiment=first.experiment,
            labels={**first.labels, **labels, "attack": f"optimality: {attack}"},
            seed=first.seed,
            status=Status.SUSPECT if doubtful else Status.OK,
            reason=doubtful.reason if doubtful else "",
            estimates={NAME: estimate},
            n=len(models[0].ids),
            comparability={**first.comparability, "protocol": protocol},
            cost={"passes": float(np.mean(passes))} if not any(map(math.isnan, passes)) else {},
            seconds=sum(cell.row.seconds or 0.0 for cell in cells),
            components={**first.components, **labels},
            facts={"display": {"threat": str(threat)}},
        )


@dataclass(frozen=True)
class _Attacked:
    """One model under several attacks with one norm.

    Attributes:
        threat: what the attacks have in common.
        cells, areas: by the label of the attack.
        ids: the examples on which no attack went wrong.
        n_missing: number of the others.
    """

    threat: Threat
    cells: Mapping[str, MeasuredCell]
    areas: Mapping[str, Areas]
    ids: tuple[str, ...]
    n_missing: int

    @classmethod
    def of(cls, found: Combined, limit: float | None) -> _Attacked:
        threat, cells = found.threat, dict(zip(found.attacks, found.cells, strict=True))
        defined = ~np.isnan(found.distances)
        best = found.distances[defined]
        most = limit or float(np.max(best, where=np.isfinite(best), initial=0.0))
        tables = {attack: cell.records() for attack, cell in cells.items()}
        distances = {attack: each for attack, table in tables.items() if (each := smallest_of(table)) is not None}
        areas = {attack: Areas.of(each[defined], best, most) for attack, each in distances.items()}
        ids = tuple(np.asarray(next(iter(tables.values()))["id"])[defined])
        return cls(threat, cells, areas, ids, int((~defined).sum()))


def _setting(found: Combined) -> tuple[Any, ...]:
    """What is equal for results that differ in the model only."""
    left = ((role, label) for role, label in sorted(found.first.labels.items()) if role not in ("attack", "model"))
    return (*left, found.first.seed, found.threat.norm, found.threat.targeted)
