"""Frechet distances of generated from real features, each with an interval that says what it covers.

The plug-in distance is biased upwards by an amount that depends on the numbers of samples, so values at different
numbers must not be ranked, and its percentile bootstrap does not cover even itself. Here every interval is made of
the influence of each row (infinitesimal jackknife), which costs one decomposition.

Coverage at a nominal 95 % was measured on 100 to 150 draws each of Gaussians and of skewed and heavy-tailed
populations, equal and unequal, with 8 to 200 features and 100 to 1000 samples: 92 to 100 % of its expectation for the
plug-in distance, 96 to 100 % for the floor, 95 to 100 % for their ratio. It falls to 87 % for 17 to 64 heavy-tailed
samples. On 400 draws of Gaussians with 16 features it was 94 to 96 % with 8 samples, 87 % with 4 and 76 % with 3; so
there is no interval where either set has fewer than 8 rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness.api import LEVEL, Estimate, Influences, Records, normal_quantile
from harness_generative.features.stored_features import FeatureMetric, Side, feature_array, reference_moments
from harness_generative.metrics.frechet import (
    Array,
    InfluencedDistance,
    distance,
    fit,
    from_moments,
    influenced_distance,
)

SPLITS = 4
DRAWS = 4
_INTERVAL_ROWS = 8
_GIVEN_MOMENTS = "jackknife, given the moments of the reference"

Features = npt.NDArray[np.floating[Any]]


class FidProxy(FeatureMetric):
    """Frechet distance between Gaussians fitted to generated and reference features.

    The plug-in Frechet distance at this number of samples, as it is commonly reported.

    It is an FID only if the features are those of Inception-v3. Where the reference is given by mean and covariance,
    these count as exact, and the interval is for other samples only. The interval covers the expectation of the plug-in
    distance at these numbers of samples, not its limit: rows may be compared if their numbers are equal. See
    `fid_debiased` for the limit. A model that copies the training data does best, so read it beside `authenticity`.

    Args:
        against: the held-out reference, or the training data, from which a copying model has distance 0.
    """

    def __init__(self, features: str | None = None, against: Literal["reference", "train"] = "reference") -> None:
        super().__init__(features)
        self.against = against

    def estimate(self, records: Records) -> Estimate:
        """Undefined with fewer than 2 rows on either side."""
        moments = self._moments(records)
        if moments is not None:
            generated = feature_array(records, "generated", self.features)
            if len(generated) < 2:
                return Estimate.undefined(f"{len(generated)} generated rows; at least 2 are needed", n=len(records))
            result = _from_moments(generated, moments)
            return _around(
                result.distance, _standard_error(result.first), len(generated), _GIVEN_MOMENTS, len(generated)
            )
        sides = _sides(records, self.features, "generated", self.against)
        if isinstance(sides, Estimate):
            return sides
        result = _compared(sides[0], sides[1], self.against)
        error = _standard_error(result.first, result.second)
        return _around(result.distance, error, len(sides[0]), "jackknife", min(map(len, sides)))

    def influences(self, records: Records) -> Influences | None:
        """What each sample and each example that it is compared with adds."""
        moments = self._moments(records)
        if moments is not None:
            generated = feature_array(records, "generated", self.features)
            few = len(generated) < _INTERVAL_ROWS
            return None if few else Influences({"records": _from_moments(generated, moments).first})
        sides = _sides(records, self.features, "generated", self.against)
        if isinstance(sides, Estimate) or min(map(len, sides)) < _INTERVAL_ROWS:
            return None
        result = _compared(sides[0], sides[1], self.against)
        return Influences({"records": result.first, self.against: result.second})

    def _moments(self, records: Records) -> tuple[Array, Array] | None:
        return reference_moments(records, self.features) if self.against == "reference" else None


class FidDebiased(FeatureMetric):
    """The Frechet distance extrapolated to infinitely many samples: twice the distance less that of halves.

    The bias falls with 1/n to first order (Chong & Forsyth 2020), so 2 FID(n) - FID(n/2) is free of it; FID(n/2) is
    the mean over disjoint halves of both sets, over four random splits. Where terms of higher order are left the
    value still falls as n grows; so the interval also reaches as far as the last doubling of n, from n/2 to n, moved
    the value. Without that, coverage fell to 0 % on a heavy-tailed mixture with 256 features and 1100 samples; with
    it 92 to 100 % was measured at nominal 95 % on that mixture and on Gaussians with 8 to 256 features and 2.2 to 60
    samples a feature, and 94 to 100 % on two other skewed populations that the rule was not made for. The value may
    be slightly negative, as an unbiased estimate of 0 must be now and then.
    """

    def estimate(self, records: Records) -> Estimate:
        """Undefined unless half of either set has more rows than there are features, and either has 8 rows."""
        sides = _sides(records, self.features, "generated", "reference")
        if isinstance(sides, Estimate):
            return sides
        generated, reference = sides
        n, d = len(generated), generated.shape[1]
        for name, rows in (("generated", generated), ("reference", reference)):
            if len(rows) < _INTERVAL_ROWS:
                return Estimate.undefined(f"{len(rows)} {name} rows; quarters need at least {_INTERVAL_ROWS}", n=n)
            if len(rows) // 2 <= d:
                reason = (
                    f"half of {len(rows)} {name} rows is no more than {d} features; at least {2 * d + 2} are needed"
                )
                return Estimate.undefined(reason, n=n)
        whole = _compared(generated, reference, "reference")
        half, quarter = (_of_parts(generated, reference, parts) for parts in (2, 4))
        value = 2 * whole.distance - half
        trend = (2 * half - quarter) - value
        reach = normal_quantile(LEVEL) * _standard_error(whole.first, whole.second)
        low, high = value - reach - max(trend, 0.0), value + reach + max(-trend, 0.0)
        return Estimate(value, low, high, LEVEL, "jackknife and trend", n)


class FidFloor(FeatureMetric):
    """The Frechet distance of real data: of as many training examples as samples, from the reference.

    Training examples are drawn without replacement, four times, and the distances averaged; the draws are the same in
    every run. If there are fewer training examples than samples, all are taken and the method says so; the floor is
    then higher than at equal numbers. An extractor trained on the same examples may raise it too. Coverage as for
    `fid_proxy`.
    """

    direction = "none"

    def estimate(self, records: Records) -> Estimate:
        """Does not apply without training data."""
        sides = _three_sides(records, self.features)
        if isinstance(sides, Estimate):
            return sides
        result = _averaged(sides.train, sides.reference, len(sides.generated), "train")
        n, wanted = min(len(sides.train), len(sides.generated)), len(sides.generated)
        method = "jackknife" if n == wanted else f"jackknife; only {n} training examples for {wanted} samples"
        fewest = min(n, len(sides.reference))
        return _around(result.distance, _standard_error(result.first, result.second), n, method, fewest)


class FidOverFloor(FeatureMetric):
    """The distance of the samples (`fid_proxy`) divided by the distance of real data (`fid_floor`).

    1 is as good as real data; less means that the samples resemble the reference more than the training data do. Both
    distances are taken at one number of samples: if there are fewer training examples, as many samples are drawn. The
    interval, on the scale of the logarithm, minds that both distances share the reference; it covers the ratio of the
    expectations at this number.
    """

    def estimate(self, records: Records) -> Estimate:
        """Undefined if the floor is 0; does not apply without training data."""
        sides = _three_sides(records, self.features)
        if isinstance(sides, Estimate):
            return sides
        n = min(len(sides.train), len(sides.generated))
        floor = _averaged(sides.train, sides.reference, n, "train")
        if floor.distance == 0:
            return Estimate.undefined("training data and reference are the same", n=n)
        result = _averaged(sides.generated, sides.reference, n, "generated")
        value = result.distance / floor.distance
        if value == 0:
            return _around(0.0, 0.0, n, "jackknife", n)
        if (fewest := min(n, len(sides.reference))) < _INTERVAL_ROWS:
            return Estimate(value, None, None, LEVEL, _too_few(fewest), n)
        error = _standard_error(*_of_logarithm(result, floor).values())
        factor = float(np.exp(normal_quantile(LEVEL) * error))
        return Estimate(value, value / factor, value * factor, LEVEL, "jackknife of the logarithm", n)

    def influences(self, records: Records) -> Influences | None:
        """What each sample and each example of reference and training data adds to the ratio."""
        sides = _three_sides(records, self.features)
        if isinstance(sides, Estimate):
            return None
        n = min(len(sides.train), len(sides.generated))
        floor = _averaged(sides.train, sides.reference, n, "train")
        result = _averaged(sides.generated, sides.reference, n, "generated")
        if 0 in (floor.distance, result.distance) or min(n, len(sides.reference)) < _INTERVAL_ROWS:
            return None
        ratio = result.distance / floor.distance
        return Influences({name: ratio * part for name, part in _of_logarithm(result, floor).items()})


def _of_logarithm(result: InfluencedDistance, floor: InfluencedDistance) -> dict[str, Array]:
    """The contributions to the logarithm of the ratio of two distances from one reference."""
    return {
        "records": result.first / result.distance,
        "train": floor.first / floor.distance,
        "reference": result.second / result.distance - floor.second / floor.distance,
    }


@dataclass(frozen=True, slots=True)
class _Sides:
    generated: Features
    reference: Features
    train: Features


def _sides(records: Records, label: str | None, *names: Side) -> tuple[Features, ...] | Estimate:
    """The features of the named sides, or an estimate without value that says why there are none."""
    features = []
    for name in names:
        try:
            rows = feature_array(records, name, label)
        except KeyError:
            if name != "train":
                raise
            return Estimate.not_applicable("no features of training data; give the task `train`", n=len(records))
        if len(rows) < 2:
            return Estimate.undefined(f"{len(rows)} {name} rows; at least 2 are needed", n=len(records))
        features.append(rows)
    return tuple(features)


def _three_sides(records: Records, label: str | None) -> _Sides | Estimate:
    sides = _sides(records, label, "generated", "reference", "train")
    return sides if isinstance(sides, Estimate) else _Sides(*sides)


def _compared(first: Features, second: Features, second_name: str, first_name: str = "generated") -> InfluencedDistance:
    return influenced_distance(fit(first, name=first_name), fit(second, name=second_name), first, second)


def _from_moments(generated: Features, moments: tuple[Array, Array]) -> InfluencedDistance:
    reference = from_moments(*moments, name="reference")
    return influenced_distance(fit(generated, name="generated"), reference, generated, None)


def _of_parts(generated: Features, reference: Features, parts: int) -> float:
    """The mean distance of disjoint parts of both sets, over some random splits."""
    rng = np.random.default_rng((parts, len(generated), len(reference)))
    distances = []
    for _ in range(SPLITS):
        ours, theirs = (np.array_split(rng.permutation(len(rows)), parts) for rows in (generated, reference))
        for our, their in zip(ours, theirs, strict=True):
            gaussians = fit(generated[our], name="generated"), fit(reference[their], name="reference")
            distances.append(distance(*gaussians))
    return float(np.mean(distances))


def _averaged(rows: Features, reference: Features, n: int, name: str) -> InfluencedDistance:
    """The mean distance of n of the rows, over some draws, with what each row and reference example adds to it."""
    value, first, second = 0.0, np.zeros(len(rows)), np.zeros(len(reference))
    draws = list(_draws(len(rows), n))
    for drawn in draws:
        result = _compared(rows[drawn], reference, "reference", name)
        value += result.distance / len(draws)
        first[drawn] += result.first / len(draws)
        second += result.second / len(draws)
    return InfluencedDistance(value, first, second)


def _draws(of: int, n: int) -> Iterator[npt.NDArray[np.intp]]:
    if n >= of:
        yield np.arange(of)
        return
    for draw in range(DRAWS):
        yield np.sort(np.random.default_rng((of, n, draw)).permutation(of)[:n])


def _standard_error(*added: Array) -> float:
    """The standard error of a sum of these contributions of the rows of independent sets."""
    return float(np.sqrt(sum(float(part @ part) for part in added)))


def _around(value: float, error: float, n: int, method: str, fewest: int) -> Estimate:
    """The estimate with an interval; none around exactly 0, since equal sets are not independent, or of few rows."""
    if value == 0:
        return Estimate(0.0, None, None, LEVEL, "none: the sets are the same", n)
    if fewest < _INTERVAL_ROWS:
        return Estimate(value, None, None, LEVEL, _too_few(fewest), n)
    reach = normal_quantile(LEVEL) * error
    return Estimate(value, max(0.0, value - reach), value + reach, LEVEL, method, n)


def _too_few(fewest: int) -> str:
    return f"none: an interval needs {_INTERVAL_ROWS} rows, there are {fewest}"
