"""Proper scores of class probabilities, which are best in expectation for the true probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal, get_args

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.api import LEVEL, Estimate, Records, mean, normal_quantile
from harness_uncertainty.metrics.calibration import bins_of
from harness_uncertainty.metrics.probabilities import NO_PROBABILITIES, ClassProbabilities, class_probabilities

Floats = npt.NDArray[np.float64]
Part = Literal["reliability", "resolution", "uncertainty"]


class NLL:
    """Negative log-likelihood of the true class, in nats."""

    columns: Sequence[str] = ("label",)
    direction = "min"
    unit = "nats"
    limits = (0.0, math.inf)

    def estimate(self, records: Records) -> Estimate:
        """Student's t over examples."""
        values = self._losses(records)
        if values is None:
            return Estimate.not_applicable(NO_PROBABILITIES, n=len(records))
        known = ~np.isnan(values)
        impossible = int(np.isinf(values[known]).sum())
        n_missing = records.n_missing + int((~known).sum())
        if impossible:
            reason = f"{impossible} of {int(known.sum())} true classes were given probability 0: the mean is infinite"
            return Estimate.undefined(reason, n=int(known.sum()), n_missing=n_missing)
        return mean(values[known], least=0.0, n_missing=n_missing)

    def per_example(self, records: Records) -> Floats:
        """The loss of each example, NaN where it is missing."""
        values = self._losses(records)
        return np.full(len(records), np.nan) if values is None else values

    def _losses(self, records: Records) -> Floats | None:
        if "clean_loss" in records:
            return records.floats("clean_loss")
        examples = class_probabilities(records)
        if examples is None:
            return None
        with np.errstate(divide="ignore"):
            losses = -np.log(examples.probabilities[np.arange(len(examples)), examples.labels])
        values = np.full(len(records), np.nan)
        values[examples.kept] = losses
        return values


class MulticlassBrier:
    """Squared distance of the class probabilities from the truth, summed over classes (Brier 1950): 0 to 2."""

    columns: Sequence[str] = ("label",)
    direction = "min"
    unit = ""
    limits = (0.0, math.inf)

    def estimate(self, records: Records) -> Estimate:
        """Student's t over examples."""
        examples = class_probabilities(records)
        if examples is None:
            return Estimate.not_applicable(NO_PROBABILITIES, n=len(records))
        return mean(_distances(examples), least=0.0, most=2.0, n_missing=examples.n_missing)

    def per_example(self, records: Records) -> Floats:
        """The squared distance of each example, NaN where it is missing."""
        values = np.full(len(records), np.nan)
        examples = class_probabilities(records)
        if examples is not None:
            values[examples.kept] = _distances(examples)
        return values


def _distances(examples: ClassProbabilities) -> Floats:
    return np.asarray(((examples.probabilities - examples.one_hot) ** 2).sum(axis=1))


class BrierPart:
    """A part of the multi-class Brier score: reliability - resolution + uncertainty (Murphy 1973), over bins.

    Reliability (less is better) is how far probabilities are from frequencies, resolution (more is better) how far
    frequencies differ between bins, uncertainty what the data themselves leave open. All three are summed over classes
    and corrected for the bias of small samples (Ferro & Fricker 2012). Within a bin probabilities differ a little,
    which is why the sum is not quite the score (Stephenson et al. 2008).

    Args:
        part: the part of the score.
        bins: the number of bins of equal width in probability, for each class.
    """

    columns: Sequence[str] = ("label",)
    direction = "none"
    unit = ""
    # The correction for the number of examples may lead below 0.
    limits = (-math.inf, math.inf)

    def __init__(self, part: Part = "reliability", bins: Annotated[int, Ge(1)] = 10) -> None:
        self._part, self._bins = part, bins

    def estimate(self, records: Records) -> Estimate:
        """Jackknife over examples."""
        examples = class_probabilities(records)
        if examples is None:
            return Estimate.not_applicable(NO_PROBABILITIES, n=len(records))
        n = len(examples)
        if n < 3:
            reason = f"{n} examples have class probabilities; correcting for their number takes 3"
            return Estimate.undefined(reason, n=n, n_missing=examples.n_missing)
        value, without_one = brier_parts(examples.probabilities, examples.one_hot, self._bins)[self._part]
        error = float(np.sqrt((n - 1) / n * ((without_one - without_one.mean()) ** 2).sum()))
        half = normal_quantile(LEVEL) * error
        # The correction may lead below 0, where only chance leads; the interval keeps its estimate.
        low = max(min(0.0, value), value - half)
        return Estimate(value, low, value + half, LEVEL, "jackknife", n, examples.n_missing)


def brier_parts(probabilities: Floats, outcomes: Floats, bins: int) -> dict[Part, tuple[float, Floats]]:
    """Each part of the score, and its value without each of the examples, `[n]`.

    Args:
        probabilities: `[n, classes]`.
        outcomes: `[n, classes]`, 1 for the true class, else 0.
        bins: the number of bins of equal width.
    """
    n, classes = probabilities.shape
    of_row = np.stack([bins_of(probabilities[:, k], bins, "equal_width") for k in range(classes)], axis=1)
    of_row += np.arange(classes) * bins
    flat, every = of_row.ravel(), classes * bins
    count = np.bincount(flat, minlength=every).astype(np.float64)
    mass: Floats = np.bincount(flat, probabilities.ravel(), every).astype(np.float64)
    hits: Floats = np.bincount(flat, outcomes.ravel(), every).astype(np.float64)
    whole = _sums(count, mass, hits)
    # Without one example, one bin of each class changes.
    fewer = _sums(count[of_row] - 1, mass[of_row] - probabilities, hits[of_row] - outcomes)
    totals = outcomes.sum(axis=0)
    parts: dict[Part, tuple[float, Floats]] = {}
    changed = [(old.sum() - old[of_row].sum(axis=1) + new.sum(axis=1)) for old, new in zip(whole, fewer, strict=True)]
    full = _parts(float(whole[0].sum()), float(whole[1].sum()), totals, n)
    less = _parts(changed[0], changed[1], totals - outcomes, n - 1)
    names: tuple[Part, ...] = get_args(Part)
    for name in names:
        parts[name] = (float(full[name]), np.asarray(less[name]))
    return parts


def _sums(count: Floats, mass: Floats, hits: Floats) -> tuple[Floats, Floats]:
    """For bins: n (mean probability - rate)^2 less its bias, and n rate^2 less its bias."""
    size = np.maximum(count, 1)
    # The variance of a rate, unbiased; of a single example it is unknown and left out.
    noise = np.where(count > 1, hits / size * (1 - hits / size) * size / np.maximum(size - 1, 1), 0.0)
    return np.where(count > 0, (mass - hits) ** 2 / size - noise, 0.0), np.where(count > 0, hits**2 / size - noise, 0.0)


def _parts(reliability: float | Floats, squares: float | Floats, totals: Floats, n: int) -> dict[str, float | Floats]:
    """The parts, from sums over bins and how often each class is true, `[..., classes]`, among n examples."""
    rate = totals / n
    noise = (rate * (1 - rate)).sum(axis=-1) / (n - 1)
    return {
        "reliability": reliability / n,
        "resolution": squares / n - (rate**2).sum(axis=-1) + noise,
        "uncertainty": (rate * (1 - rate)).sum(axis=-1) + noise,
    }
