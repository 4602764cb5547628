"""Robust accuracy at every budget, from the smallest distance that an attack found for each example."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, TypeVar

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Gt

from harness.api import LEVEL, Estimate, MeasuredCell, Records, Row, Status, Threat, mean, proportion

_TOLERANCE = 1e-6
_NOT_MINIMAL = "the attack seeks no smallest distance; use ddn, fmn, deepfool, carlini_wagner or hopskipjump"
Budget = Annotated[float, Ge(0)]
Floats = npt.NDArray[np.float64]
T = TypeVar("T")


def threat_of(protocol: Any) -> Threat | None:
    """The threat in a row's or records' protocol; None without an attack."""
    raw = protocol.get("threat")
    return Threat(**raw) if raw else None


def all_but_attack(row: Row) -> tuple[Any, ...]:
    """What is equal for rows that differ in the attack only."""
    return (*((role, label) for role, label in sorted(row.labels.items()) if role != "attack"), row.seed)


def grouped(items: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """Items of equal key together, in the order in which keys first appear."""
    groups: dict[Hashable, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def smallest_of(records: Records) -> Floats | None:
    """The smallest budget at which each example is wrong, `[n]`; None if the attack sought no smallest distance.

    0 where the model is wrong without attack, infinity where nothing was found that fools it (the true value is
    then unknown, at least not found: censored), NaN where the example is in error.
    """
    threat = threat_of(records.protocol)
    if threat is None or not threat.minimal or threat.norm is None:
        return None
    success, correct, distance = (records.floats(name) for name in ("success", "correct", threat.norm))
    # A point beyond an own budget of the attack fools the model all the same.
    aim = records.floats("target") if threat.targeted else None
    prediction = records.floats("adversarial_prediction")
    hit = prediction == aim if aim is not None else prediction != records.floats("label")
    fooling = np.where(hit & (success >= 0), distance, math.inf)
    defined = ~np.isnan(correct) & ((correct == 0) | ~np.isnan(success))
    return np.where(defined, np.where(correct == 0, 0.0, fooling), np.nan)


def robust_at(distances: Floats, eps: float) -> Estimate:
    """The share of examples `[n]` (NaN: in error) with a distance above eps; Wilson's interval."""
    defined = distances[~np.isnan(distances)]
    robust = int((defined > eps + _TOLERANCE).sum()) if eps > 0 else int((defined > 0).sum())
    return proportion(robust, len(defined), n_missing=len(distances) - len(defined))


def median_of(distances: Floats) -> Estimate:
    """The median of distances `[n]`, of which infinite ones are only known to be large.

    The interval is that of order statistics (David & Nagaraja 2003, section 7.1), which is exact for any distribution;
    an end at a censored distance is left open.
    """
    from scipy.stats import binom

    defined = np.sort(distances[~np.isnan(distances)])
    n, missing = len(defined), len(distances) - len(defined)
    if not n:
        return Estimate.undefined("no examples", n_missing=missing)
    value = (defined[(n - 1) // 2] + defined[n // 2]) / 2
    censored = int(np.isinf(defined).sum())
    if not math.isfinite(value):
        reason = f"{censored} of {n} examples were not fooled at any distance: the median is beyond what was found"
        return Estimate.undefined(reason, n=n, n_missing=missing)
    # The largest k with P(fewer than k below the median) at most 2.5 %.
    k = int(binom.ppf((1 - LEVEL) / 2, n, 0.5))
    low, high = (float(defined[k - 1]), float(defined[n - k])) if k >= 1 else (None, None)
    if high is not None and not math.isfinite(high):
        high = None
    reason = "" if high is not None else "the interval has no upper end"
    return Estimate(float(value), low, high, LEVEL, "order statistics", n, missing, reason)


def area_of(distances: Floats, limit: float) -> Estimate:
    """The mean of min(distance, limit) / limit over distances `[n]` (NaN: in error); Student's t interval."""
    defined = distances[~np.isnan(distances)]
    return mean(np.minimum(defined, limit) / limit, least=0.0, most=1.0, n_missing=len(distances) - len(defined))


class _OfDistances(ABC):
    """A function of the smallest distances that an attack found."""

    columns = ("success", "adversarial_prediction")
    direction = "max"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        """Does not apply to attacks with a budget, whose points lie at its edge and not at the smallest distance."""
        distances = smallest_of(records)
        return Estimate.not_applicable(_NOT_MINIMAL, n=len(records)) if distances is None else self._of(distances)

    @abstractmethod
    def _of(self, distances: Floats) -> Estimate:
        """The estimate from distances `[n]`, see `smallest_of`."""


class RobustAccuracyAt(_OfDistances):
    """Robust accuracy at any budget: share of examples that are right and that nothing found within it fools.

    A function of the smallest distances of a minimal attack, so that one run gives it at every budget. Like every
    robust accuracy it is an upper bound; an attack made for the one budget may find more.

    Args:
        eps: the budget, in the norm of the attack and the units of the inputs.
    """

    def __init__(self, eps: Budget) -> None:
        self._eps = eps

    def _of(self, distances: Floats) -> Estimate:
        return robust_at(distances, self._eps)

    def per_example(self, records: Records) -> Floats:
        """1 where robust."""
        distances = smallest_of(records)
        if distances is None:
            return np.full(len(records), np.nan)
        return np.where(np.isnan(distances), np.nan, distances > max(self._eps + _TOLERANCE * (self._eps > 0), 0.0))


class MedianDistance(_OfDistances):
    """The median over all examples of the smallest distance: the budget at which accuracy falls to one half.

    Examples that are wrong without attack have distance 0; those that were not fooled count as larger than all others.
    """

    unit = ""
    limits = (0.0, math.inf)

    def _of(self, distances: Floats) -> Estimate:
        """Undefined if half of the examples were not fooled."""
        return median_of(distances)


class AreaUnderCurve(_OfDistances):
    """Robust accuracy averaged over the budgets from 0 to a limit: the mean of min(distance, limit) / limit.

    It needs no assumption about examples that were not fooled.

    Args:
        limit: the largest budget.
    """

    def __init__(self, limit: Annotated[float, Gt(0)]) -> None:
        self._limit = limit

    def _of(self, distances: Floats) -> Estimate:
        return area_of(distances, self._limit)

    def per_example(self, records: Records) -> Floats:
        """The share of the budgets at which an example is robust."""
        distances = smallest_of(records)
        if distances is None:
            return np.full(len(records), np.nan)
        return np.asarray(np.minimum(distances, self._limit) / self._limit)


@dataclass(frozen=True)
class Combined:
    """The smallest distances over the minimal attacks on one model, data and seed with one norm.

    Attributes:
        first: the row of the first attack.
        attacks: the labels of the attacks.
        threat: their common threat.
        distances: `[n]`, see `smallest_of`.
        cells: the cells of the attacks.
    """

    first: Row
    attacks: tuple[str, ...]
    threat: Threat
    distances: Floats
    cells: tuple[MeasuredCell, ...]

    def doubtful(self) -> str:
        """The attack that is the best one for most examples, if its numbers are in doubt; empty if they are not.

        What an attack in doubt found is found all the same, so it does no harm beside one that found more.
        """
        distances = [smallest_of(cell.records()) for cell in self.cells]
        best = [int((values == self.distances).sum()) if values is not None else -1 for values in distances]
        strongest = [cell.row for cell, count in zip(self.cells, best, strict=True) if count == max(best)]
        if any(row.status is Status.OK for row in strongest):
            return ""
        return f"{strongest[0].labels['attack']} ({strongest[0].reason.partition(':')[0]})"


def combined(cells: Sequence[MeasuredCell]) -> list[Combined]:
    """Combine minimal attacks by model, data, seed, norm and whether they are targeted."""
    groups: dict[tuple[Any, ...], list[MeasuredCell]] = {}
    for cell in cells:
        threat = threat_of(cell.row.protocol)
        if not cell.row.status.is_measured or cell.row.n is None or threat is None or not threat.minimal:
            continue
        groups.setdefault((*all_but_attack(cell.row), threat.norm, threat.targeted), []).append(cell)
    results = []
    for members in groups.values():
        tables = [cell.records() for cell in members]
        if len({tuple(table["id"]) for table in tables}) > 1:
            raise ValueError("the attacks were run on different examples")
        distances = [values for table in tables if (values := smallest_of(table)) is not None]
        threat = threat_of(members[0].row.protocol)
        if distances and threat is not None:
            labels = tuple(cell.row.labels["attack"] for cell in members)
            # An error in one attack leaves the example unknown: the others cannot answer for it.
            least = np.min(distances, axis=0)
            results.append(Combined(members[0].row, labels, replace(threat, eps=None), least, tuple(members)))
    return results


class SmallestDistance:
    """Per model and norm: each example's smallest distance over all minimal attacks, as robust accuracy.

    Args:
        eps: budgets to give the robust accuracy at.
        limit: the largest budget of the area under the curve; none if left out.
    """

    def __init__(self, eps: tuple[Budget, ...] = (), limit: Annotated[float, Gt(0)] | None = None) -> None:
        self._eps, self._limit = eps, limit

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """One row per model, data, seed and norm."""
        for result in combined(cells):
            estimates = {"median_distance": median_of(result.distances)}
            estimates |= {f"robust_accuracy_at eps={eps:g}": robust_at(result.distances, eps) for eps in self._eps}
            if self._limit is not None:
                estimates["area_under_curve"] = area_of(result.distances, self._limit)
            doubtful = result.doubtful()
            protocol = {
                "threat": asdict(result.threat),
                "attacks": sorted(str(cell.row.components.get("attack")) for cell in result.cells),
            }
            yield Row(
                experiment=result.first.experiment,
                labels={**result.first.labels, "attack": f"smallest {result.threat.norm} distance"},
                seed=result.first.seed,
                status=Status.SUSPECT if doubtful else Status.OK,
                reason=f"strongest attack suspect: {doubtful}" if doubtful else "",
                estimates=estimates,
                n=len(result.distances),
                comparability={**result.first.comparability, "protocol": protocol},
                cost={"passes": sum(cell.row.cost.get("passes", 0.0) for cell in result.cells)},
                seconds=sum(cell.row.seconds or 0.0 for cell in result.cells),
                components={**result.first.components, "attack": list(result.attacks)},
                facts={"display": {"threat": str(result.threat)}},
            )
