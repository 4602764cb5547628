"""Emergence: at what size a model reaches a level, and whether exact match jumps where the likelihood grows slowly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Lt

from harness.api import (
    LEVEL,
    Estimate,
    HarnessError,
    MeasuredCell,
    Row,
    Status,
    normal_quantile,
    student_quantile,
)
from harness_language.growth_curve import NINE_TENTHS, Floats, GrowthCurves, fit_growth
from harness_language.size_sweeps import LEAST_SIZES, DeclaredSizes, SizeSweep, declared_sweeps, size_sweeps

_DRAWS = 1000
_DOUBLING = 1.0
_LEAST_SEEDS = 2
_TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
_LEAST_RISE = 0.2
_LEAST_SMOOTH_RISE = 0.02
_EXACT, _SMOOTH = "exact match", "likelihood per token"


class Emergence:
    """The smallest size that reaches a threshold, and whether the jump survives a smooth metric.

    Three rows for every model that was run at three sizes or more, or for a family of models with declared sizes.

    Exact match needs every token of an answer right, so it can leap where the likelihood of each token grows slowly
    (Schaeffer et al. 2023). Both are fitted by a logistic curve over the logarithm of the size. The first two rows say
    at what size the curve reaches the threshold (`size_at_threshold`), and what share of its rise over all sizes lies
    in the one doubling of the size in which exact match rises most (`rise_in_doubling`). The third row has the
    difference of the shares and the verdict: the jump survives if the interval of the difference lies below the margin,
    it does not if that lies above 0, else it is not resolved.

    Intervals are over seeds and prompts: bootstrap percentiles, stretched since seeds are few. In simulations with 2, 3
    and 5 seeds they held the true size in 87 to 100, 90 to 97 and 91 to 96 %. One seed has no interval, since
    prompts alone covered 10 to 63 %.

    Args:
        size: the parameter of the model that is its size; by default the only number that varies.
        threshold: the value that the metrics must reach.
        margin: how much smaller the smooth metric's share of the rise may be for the jump to survive.
        sizes: the label of each model of a family to its size, such as {pythia-70m: 70.4e6, pythia-160m: 162.3e6}, in
            place of a parameter. The models must have the same tokenizer.
        counted: what these sizes count, such as parameters or FLOPs.
    """

    def __init__(
        self,
        size: str | None = None,
        threshold: Annotated[float, Gt(0), Lt(1)] = 0.5,
        margin: Annotated[float, Ge(0), Lt(1)] = 0.1,
        sizes: DeclaredSizes | None = None,
        counted: str = "parameters",
    ) -> None:
        if size is not None and sizes is not None:
            raise HarnessError("give `size`, a parameter of one model, or `sizes`, those of several models, not both")
        self._size, self._threshold, self._margin = size, threshold, margin
        self._sizes, self._counted = sizes, counted

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """Three rows for every sweep. Raises HarnessError if there is none, or its cells hold other prompts."""
        table = [cell.row for cell in cells]
        declared = None if self._sizes is None else declared_sweeps(table, self._sizes, self._counted)
        for sweep in size_sweeps(table, self._size) if declared is None else declared:
            yield from self._rows_of(sweep, cells)

    def _rows_of(self, sweep: SizeSweep, cells: Sequence[MeasuredCell]) -> Iterator[Row]:
        planned = [cells[index] for places in sweep.members.values() for index in places]
        good = {
            size: [cells[index] for index in places if cells[index].row.status is Status.OK]
            for size, places in sweep.members.items()
        }
        measured = {size: cells_ok for size, cells_ok in good.items() if cells_ok}
        missing = len(planned) - sum(map(len, measured.values()))
        row = _RowMaker(sweep, measured, planned[0].row, {"threshold": self._threshold, "margin": self._margin})
        if len(measured) < LEAST_SIZES:
            reason = f"{missing} of {len(planned)} cells gave no result; {LEAST_SIZES} sizes are needed"
            yield row.make("no curve", {}, Status.INVALID, reason)
            return
        draws = _Draws.of(measured)
        exact, smooth = (fit_growth(list(measured), values) for values in (draws.exact, draws.smooth))
        ends = (float(np.log2(min(measured))), float(np.log2(max(measured))))
        about = _About(draws.n, missing, min(len(cells_ok) for cells_ok in measured.values()))
        shares, reason = _shares(exact, smooth, ends)
        for name, curve, share in ((_EXACT, exact, shares[0]), (_SMOOTH, smooth, shares[1])):
            yield row.make(
                name,
                {
                    "size_at_threshold": _reached(curve, self._threshold, list(measured), about),
                    "rise_in_doubling": about.undefined(reason) if reason else about.estimate(share, 0, 1),
                },
            )
        difference = about.undefined(reason) if reason else about.estimate(shares[0] - shares[1], -1, 1)
        yield row.make(f"jump {_verdict(difference, self._margin)}", {"difference_in_rise": difference})


@dataclass(frozen=True)
class _Draws:
    """Both metrics at each size: the measured values in row 0, and resampled ones in the other rows.

    Attributes:
        exact, smooth: `[1 + draws, sizes]`.
        n: prompts.
    """

    exact: Floats
    smooth: Floats
    n: int

    @classmethod
    def of(cls, measured: Mapping[float, Sequence[MeasuredCell]]) -> _Draws:
        """Resample prompts, the same for all cells, and the seeds of each size.

        Of k seeds k - 1 are drawn, since k draws would show too small a spread by 1 - 1/k (Rao & Wu 1988).
        """
        rng = np.random.default_rng(0)
        answers = {size: [_Answers.of(cell) for cell in cells] for size, cells in measured.items()}
        ids = next(iter(answers.values()))[0].ids
        if any(cell.ids != ids for answers_of_size in answers.values() for cell in answers_of_size):
            raise HarnessError("the sizes were asked different questions, so no curve goes through them")
        if len({cell.tokenizer for answers_of_size in answers.values() for cell in answers_of_size}) > 1:
            raise HarnessError("the sizes have different tokenizers, so likelihoods per token lie on no common curve")
        n = len(ids)
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=_DRAWS).astype(np.float64)
        prompts = np.concatenate([np.ones((1, n)), drawn])
        exact, smooth = [], []
        for of_seeds in answers.values():
            seeds = _seed_weights(rng, len(of_seeds))
            exact.append((seeds * np.stack([cell.exact(prompts) for cell in of_seeds], axis=1)).sum(axis=1))
            smooth.append((seeds * np.stack([cell.smooth(prompts) for cell in of_seeds], axis=1)).sum(axis=1))
        return cls(np.stack(exact, axis=1), np.stack(smooth, axis=1), n)


def _seed_weights(rng: np.random.Generator, k: int) -> Floats:
    """The weight of each of k seeds in every draw, `[1 + draws, k]`."""
    least = max(1, k - 1)
    drawn = rng.multinomial(least, np.full(k, 1 / k), size=_DRAWS) / least
    return np.concatenate([np.full((1, k), 1 / k), drawn])


@dataclass(frozen=True)
class _Answers:
    """The records of a cell for each prompt that has an expected answer."""

    ids: list[str]
    correct: Floats
    nll: Floats
    tokens: Floats
    tokenizer: str

    @classmethod
    def of(cls, cell: MeasuredCell) -> _Answers:
        records = cell.records().without_missing("correct", "expected_nll", "expected_tokens")
        if not len(records):
            raise HarnessError(f"{cell.row.labels} has no prompt with an expected answer and its likelihood")
        correct, nll, tokens = (records.floats(name) for name in ("correct", "expected_nll", "expected_tokens"))
        tokenizer = str(records["tokenizer"][0]) if "tokenizer" in records else ""
        return cls([str(name) for name in records["id"]], correct, nll, tokens, tokenizer)

    def exact(self, prompts: Floats) -> Floats:
        """The share of right answers for each row of weights of the prompts."""
        return np.asarray(prompts @ self.correct / prompts.sum(axis=1))

    def smooth(self, prompts: Floats) -> Floats:
        """The likelihood per token of the expected answers."""
        return np.asarray(np.exp(-(prompts @ self.nll) / (prompts @ self.tokens)))


@dataclass(frozen=True)
class _About:
    """The counts that all estimates of a sweep share; `seeds` is the smallest number at any size."""

    n: int
    n_missing: int
    seeds: int

    def undefined(self, reason: str) -> Estimate:
        return Estimate.undefined(reason, n=self.n, n_missing=self.n_missing)

    def estimate(self, drawn: Floats, least: float, most: float) -> Estimate:
        """The measured value, which is the first, with percentiles of the others, stretched and clipped to bounds."""
        low, high = self._ends(drawn)
        return self._estimate(float(drawn[0]), max(least, low), min(most, high))

    def size(self, log_sizes: Floats, lows: Floats, highs: Floats) -> Estimate:
        """The same for sizes whose log2 are given, each known to lie between two others; what is infinite is no end."""
        stretched_low, stretched_high = self._ends(log_sizes)
        ends = (
            min(stretched_low, float(np.quantile(lows, _TAILS[0], method="closest_observation"))),
            max(stretched_high, float(np.quantile(highs, _TAILS[1], method="closest_observation"))),
        )
        low, high = (2.0**end if np.isfinite(end) else None for end in ends)
        return self._estimate(2.0 ** float(log_sizes[0]), low, high)

    def _ends(self, drawn: Floats) -> tuple[float, float]:
        value, stretch = float(drawn[0]), _stretch(self.seeds)
        low, high = (float(end) for end in np.quantile(drawn[1:], _TAILS, method="closest_observation"))
        return value - stretch * max(0.0, value - low), value + stretch * max(0.0, high - value)

    def _estimate(self, value: float, low: float | None, high: float | None) -> Estimate:
        if self.seeds < _LEAST_SEEDS:
            return Estimate(value, None, None, LEVEL, "no interval for one seed", self.n, self.n_missing)
        return Estimate(value, low, high, LEVEL, "bootstrap over seeds and prompts", self.n, self.n_missing)


def _stretch(seeds: int) -> float:
    """The factor for intervals of few seeds: Student's t over the normal quantile.

    The size at which a curve reaches a value rests on the two sizes around it, each with its seeds.
    """
    if seeds < _LEAST_SEEDS:
        return 1.0
    return student_quantile(2 * (seeds - 1)) / normal_quantile(LEVEL)


def _reached(curves: GrowthCurves, threshold: float, sizes: Sequence[float], about: _About) -> Estimate:
    """The size at which the curve reaches the threshold; an interval's end beyond the sizes is unknown.

    Where a curve rises within the gap between two sizes, it may do so anywhere in it: the gap is all that is known.
    """
    log_sizes, x = curves.log_size_at(threshold), np.log2(sizes)
    if log_sizes[0] > x[-1]:
        top = float(curves.at(x[-1])[0])
        return about.undefined(f"{threshold:g} is not reached: {top:.3f} at the largest size, {sizes[-1]:g}")
    if log_sizes[0] < x[0]:
        bottom = float(curves.at(x[0])[0])
        return about.undefined(f"{threshold:g} is reached already by the smallest size, {sizes[0]:g}: {bottom:.3f}")
    log_sizes = np.where(log_sizes > x[-1], np.inf, np.where(log_sizes < x[0], -np.inf, log_sizes))
    above = np.clip(np.searchsorted(x, log_sizes), 1, len(x) - 1)
    in_gap = np.isfinite(log_sizes) & (NINE_TENTHS / curves.slope < x[above] - x[above - 1])
    return about.size(log_sizes, np.where(in_gap, x[above - 1], log_sizes), np.where(in_gap, x[above], log_sizes))


def _shares(exact: GrowthCurves, smooth: GrowthCurves, ends: tuple[float, float]) -> tuple[tuple[Floats, Floats], str]:
    """The share of each curve's rise in the doubling where exact match rises most, or a reason why there is none."""
    first, last = ends
    rises = [curve.at(last) - curve.at(first) for curve in (exact, smooth)]
    empty = (np.empty(0), np.empty(0))
    if last - first <= _DOUBLING:
        return empty, "the sizes do not reach over more than one doubling"
    if rises[0][0] < _LEAST_RISE:
        return empty, f"there is no jump: exact match rises by {rises[0][0]:.3f} over all sizes"
    if rises[1][0] < _LEAST_SMOOTH_RISE:
        return empty, f"the likelihood per token rises by {rises[1][0]:.3f} only over all sizes"
    # A logistic curve rises most around its middle.
    start = np.clip(exact.middle - _DOUBLING / 2, first, last - _DOUBLING)
    shares = []
    for curve, rise in zip((exact, smooth), rises, strict=True):
        inside = curve.at(start + _DOUBLING) - curve.at(start)
        # A draw without any rise has it spread evenly.
        even = np.full_like(rise, _DOUBLING / (last - first))
        shares.append(np.divide(inside, rise, out=even, where=rise > 1e-9))
    return (shares[0], shares[1]), ""


def _verdict(difference: Estimate, margin: float) -> str:
    if difference.high is not None and difference.high < margin:
        return "survives"
    if difference.low is not None and difference.low > 0:
        return "does not survive"
    return "not resolved"


@dataclass(frozen=True)
class _RowMaker:
    """Makes the rows of a sweep."""

    sweep: SizeSweep
    measured: Mapping[float, Sequence[MeasuredCell]]
    first: Row
    settings: Mapping[str, Any]

    def make(self, name: str, estimates: Mapping[str, Estimate], status: Status = Status.OK, reason: str = "") -> Row:
        """A row of the table."""
        cells = [cell.row for own in self.measured.values() for cell in own]
        first = cells[0] if cells else self.first
        sizes = {f"{size:g}": sorted(cell.row.seed for cell in own) for size, own in self.measured.items()}
        about = {"size": self.sweep.parameter, "seeds_by_size": sizes, "what": name.partition(" ")[0], **self.settings}
        comparability = {**first.comparability, "protocol": {**first.protocol, "emergence": about}}
        return Row(
            experiment=first.experiment,
            labels={**first.labels, "model": f"{self.sweep.label} over {self.sweep.parameter}: {name}"},
            seed=min((row.seed for row in cells), default=first.seed),
            status=status,
            reason=reason,
            estimates=estimates,
            n=first.n,
            comparability=comparability if first.comparability else {},
            seconds=sum(row.seconds or 0.0 for row in cells),
            components=first.components,
        )
