"""Indicators of attack failure that compare rows: which attack fools more, and whether a larger budget helps.

After Carlini et al. 2019, "On Evaluating Adversarial Robustness" (arXiv:1902.06705, section 5), and Pintor et al. 2022
(arXiv:2106.09947). What one cell can know of itself makes that cell `suspect`; see the task `classify`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from annotated_types import Gt, Lt

from harness.api import MeasuredCell, Row, Status, Threat
from harness_adversarial.metrics.smallest_distances import all_but_attack, grouped, threat_of


@dataclass(frozen=True)
class _Attacked:
    """An attacked cell with a budget."""

    cell: MeasuredCell
    threat: Threat

    @property
    def label(self) -> str:
        """The label of the attack in the table."""
        return self.cell.row.labels["attack"]

    @cached_property
    def fooled(self) -> npt.NDArray[np.bool_]:
        """Whether each example was fooled, `[n]`."""
        return np.asarray(self.cell.records().floats("success") == 1)

    @cached_property
    def n_attacked(self) -> int:
        """The number of attacked examples."""
        return int((~np.isnan(self.cell.records().floats("success"))).sum())

    @cached_property
    def follows_gradients(self) -> bool:
        """Whether backward passes were counted."""
        return bool(self.cell.records().floats("backward_passes").sum() > 0)

    @cached_property
    def is_one_step(self) -> bool:
        """Whether no example was given more than one gradient, as in FGSM: a baseline, not a search."""
        return self.follows_gradients and bool(self.cell.records().floats("backward_passes").max() <= 1)

    @property
    def component(self) -> Mapping[str, Any]:
        """Name and parameters of the attack."""
        component: Mapping[str, Any] = self.cell.row.components.get("attack") or {}
        return component

    @property
    def name(self) -> str:
        """The name of the attack without that of its plugin."""
        return str(self.component.get("name", "")).rpartition("/")[2]

    @property
    def family(self) -> str:
        """The attack without its budget."""
        parameters = {name: value for name, value in self.component.get("parameters", {}).items() if name != "eps"}
        threat = self.threat
        return str((self.component.get("name"), sorted(parameters.items(), key=str), threat.norm, threat.targeted))


@dataclass(frozen=True)
class _Finding:
    """A failed check, and the attacks whose numbers it puts in doubt."""

    check: str
    at: Threat
    reason: str
    doubted: Sequence[_Attacked]


@dataclass(frozen=True)
class _Suspicion:
    """One attack fools more than another that should be at least as strong, by so many examples.

    Attributes:
        check: the name of the finding.
        weaker: the attack that fools more.
        stronger: the one that should.
        doubted: the attacks that fail with it: itself, and what is no better.
    """

    check: str
    weaker: _Attacked
    stronger: _Attacked
    doubted: Sequence[_Attacked]

    @cached_property
    def counts(self) -> tuple[int, int]:
        """How many examples only the weaker attack fools, and how many only the other one."""
        a, b = self.weaker.fooled, self.stronger.fooled
        return int((a & ~b).sum()), int((b & ~a).sum())

    @property
    def p(self) -> float:
        """One-sided exact p-value of McNemar's test that either attack is as likely to be the one that fools."""
        only_weaker, only_stronger = self.counts
        n = only_weaker + only_stronger
        return float(sum(math.comb(n, k) for k in range(only_weaker, n + 1)) / 2**n)

    def __str__(self) -> str:
        a, b = self.counts
        return (
            f"{self.weaker.label} fools {a} examples that {self.stronger.label} does not, and misses {b} that it fools"
        )


class AttackChecks:
    """Per model: does random beat gradient, black box white box, or less budget more? A row per finding, or `ok`.

    The attacks that fail a check become `suspect` themselves, with the finding as their reason.

    White box far behind white box: an attack of several gradient steps fools fewer than the best attack with
    gradients, by more than `behind`. Random beats gradient: noise fools more than an attack that follows gradients.
    Black box beats white box: the best attack without gradients fools more than the best with them. Non-monotone curve:
    an attack fools more with a smaller budget. Each is an exact one-sided McNemar test on the same examples, corrected
    by Holm for all checks of the model. Unbounded budget: every image can be made the same grey one, and examples
    survive the best attack.

    Args:
        significance: the chance of any false finding on a model.
        grey: the L-infinity budget from which every input can be made grey: half the box.
        random: names of attacks that do not search.
        behind: the share of the attacked examples by which attacks with gradients may differ; cross-entropy leaves six
            in a hundred of a linear model to AutoAttack.
    """

    def __init__(
        self,
        significance: Annotated[float, Gt(0), Lt(1)] = 0.05,
        grey: Annotated[float, Gt(0)] = 0.5,
        random: Sequence[str] = ("noise",),
        behind: Annotated[float, Gt(0), Lt(1)] = 0.1,
    ) -> None:
        self.significance, self.grey, self.random, self.behind = significance, grey, tuple(random), behind

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """The rows of every combination of model, data and seed that was attacked."""
        for group in _groups(cells):
            first = group[0].cell.row
            findings = self._findings(group)
            for finding in findings:
                labels = {**first.labels, "attack": f"check: {finding.check}, {finding.at}"}
                yield Row(first.experiment, labels, first.seed, Status.SUSPECT, f"{finding.check}: {finding.reason}")
            if not findings:
                yield Row(first.experiment, {**first.labels, "attack": "attack checks"}, first.seed, Status.OK)

    def doubts(self, cells: Sequence[MeasuredCell]) -> Mapping[str, Sequence[str]]:
        """The reasons why attacks failed a check, by the id of their cell."""
        doubted: dict[str, list[str]] = {}
        for group in _groups(cells):
            for finding in self._findings(group):
                for attacked in finding.doubted:
                    doubted.setdefault(attacked.cell.row.cell, []).append(f"{finding.check}: {finding.reason}")
        return doubted

    def _findings(self, group: Sequence[_Attacked]) -> list[_Finding]:
        suspicions = [*self._at_one_budget(group), *_over_budgets(group)]
        significant = _significant(suspicions, self.significance)
        findings = [_Finding(one.check, one.stronger.threat, str(one), one.doubted) for one in significant]
        return [*findings, *self._unbounded(group)]

    def _at_one_budget(self, group: Sequence[_Attacked]) -> Iterator[_Suspicion]:
        for members in grouped(group, lambda attacked: str(attacked.threat)):
            white = [attacked for attacked in members if attacked.follows_gradients]
            drawn = [attacked for attacked in members if attacked.name in self.random]
            black = [attacked for attacked in members if attacked not in white and attacked not in drawn]
            for gradient in white:
                for noise in drawn:
                    yield _Suspicion("random beats gradient", noise, gradient, [gradient])
            if white and black:
                # None of the others fools more than the best.
                yield _Suspicion("black box beats white box", _best(black), _best(white), white)
            yield from self._far_behind(white)

    def _far_behind(self, white: Sequence[_Attacked]) -> Iterator[_Suspicion]:
        for attacked in white:
            suspicion = _Suspicion("white box far behind white box", _best(white), attacked, [attacked])
            more, fewer = suspicion.counts
            if more - fewer > self.behind * attacked.n_attacked and not attacked.is_one_step:
                yield suspicion

    def _unbounded(self, group: Sequence[_Attacked]) -> Iterator[_Finding]:
        for members in grouped(group, lambda attacked: str(attacked.threat)):
            best = _best(members)
            if best.threat.norm != "linf" or (best.threat.eps or 0.0) < self.grey or best.threat.targeted:
                continue
            left = best.n_attacked - int(best.fooled.sum())
            if left > 0.01 * best.n_attacked:
                reason = f"{left} of {best.n_attacked} examples survive {best.label}, which may make every input grey"
                searching = [attacked for attacked in members if attacked.name not in self.random]
                yield _Finding("accuracy not 0 at an unbounded budget", best.threat, reason, searching)


def _groups(cells: Sequence[MeasuredCell]) -> list[list[_Attacked]]:
    """The attacks with a budget of every combination of model, data and seed."""
    attacked = []
    for cell in cells:
        threat = threat_of(cell.row.protocol)
        if threat is None or not cell.row.status.is_measured or "success" not in cell.records():
            continue
        if threat.eps is not None and not threat.minimal:
            attacked.append(_Attacked(cell, threat))
    return grouped(attacked, lambda attacked: all_but_attack(attacked.cell.row))


def _best(members: Sequence[_Attacked]) -> _Attacked:
    return max(members, key=lambda attacked: int(attacked.fooled.sum()))


def _over_budgets(group: Sequence[_Attacked]) -> Iterator[_Suspicion]:
    for members in grouped(group, lambda attacked: attacked.family):
        members.sort(key=lambda attacked: attacked.threat.eps or 0.0)
        for smaller, larger in combinations(members, 2):
            if (smaller.threat.eps or 0.0) < (larger.threat.eps or 0.0):
                yield _Suspicion("non-monotone curve", smaller, larger, [larger])


def _significant(suspicions: Sequence[_Suspicion], significance: float) -> list[_Suspicion]:
    """The suspicions that remain after Holm's correction (Holm 1979), in their order."""
    confirmed = []
    for rank, suspicion in enumerate(sorted(suspicions, key=lambda one: one.p)):
        if suspicion.p * (len(suspicions) - rank) >= significance:
            break
        confirmed.append(suspicion)
    return [suspicion for suspicion in suspicions if any(suspicion is one for one in confirmed)]
