"""Kernel distances of generated from reference features: KID and CMMD, unbiased, over all rows.

Both values are unbiased, so unlike the Frechet distance they need no correction for the number of samples, and are kept
where they are negative: an unbiased estimate of 0 is negative half the time. Intervals are the value and 1.96 jackknife
standard errors, not the spread over subsets.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Gt

from harness.api import LEVEL, Estimate, Influences, Records, effective_number, normal_quantile
from harness_generative.features.stored_features import FeatureMetric, feature_array
from harness_generative.metrics.kernel_distance import (
    Discrepancy,
    Features,
    cubic,
    discrepancy,
    gaussian,
    median_distance,
)

_MIN_ROWS = 3
_FEW_SHARE = 0.05
"""Share of the rows that must be worth all of them; of normal contributions a third is, of skewed ones .01 to .04."""
_FEW_ROWS = "a few rows outweigh the others, where the interval holds about 87 % and not 95 %"
_CMMD_SCALE = 1000.0


class KID(FeatureMetric):
    """Kernel inception distance: unbiased squared MMD with the kernel (x.y / d + 1)^3.

    It is the published distance only if the features are those of Inception-v3. Coverage at a nominal 95 %, on 200
    draws each of 100 to 1500 samples of populations with an exact value: 93 to 100 %. The kernel is of sixth order, so
    it fell to 87 % where features of one example are large together (exponential ones times a gamma factor of shape
    1.5 to 4), and to 40 to 64 % where one rare example outweighs all others (one in 300); no interval can mind an
    example that was not drawn. Where a few rows hold nearly all of the variance, the row says so.
    """

    def estimate(self, records: Records) -> Estimate:
        """Undefined with fewer than 3 rows on either side."""
        return _estimate(self._discrepancy(records))

    def influences(self, records: Records) -> Influences | None:
        """What each sample and each example of the reference adds."""
        return _influences(self._discrepancy(records))

    def _discrepancy(self, records: Records) -> Discrepancy | Estimate:
        sides = _sides(records, self.features)
        return sides if isinstance(sides, Estimate) else discrepancy(*sides, cubic)


class CMMD(FeatureMetric):
    """1000 times the squared MMD with a Gaussian kernel.

    Jayasumana et al. 2024 take CLIP embeddings of length 1 and sigma 10. Their code computes the biased estimate,
    which is larger by about 1000 (1 - mean k) (1/n + 1/m); here it is the unbiased one. Coverage, measured as for
    `kid`: 92 to 99 % with sigma 10, 90 to 99 % with the median distance.

    Args:
        sigma: width of the kernel; none for the median distance between examples of the reference, which counts as
            fixed in the interval.
        unit_length: divide the features of each example by their length first.
    """

    def __init__(
        self, features: str | None = None, sigma: Annotated[float, Gt(0)] | None = 10.0, unit_length: bool = True
    ) -> None:
        if sigma is not None and not sigma > 0:
            raise ValueError(f"sigma is {sigma}, not a positive number")
        super().__init__(features)
        self.sigma, self.unit_length = sigma, unit_length

    def estimate(self, records: Records) -> Estimate:
        """Undefined with fewer than 3 rows on either side, or where the median distance is 0."""
        return _estimate(self._discrepancy(records), scale=_CMMD_SCALE)

    def influences(self, records: Records) -> Influences | None:
        """What each sample and each example of the reference adds."""
        return _influences(self._discrepancy(records), scale=_CMMD_SCALE)

    def _discrepancy(self, records: Records) -> Discrepancy | Estimate:
        sides = _sides(records, self.features)
        if isinstance(sides, Estimate):
            return sides
        generated, reference = (_unit_length(rows) for rows in sides) if self.unit_length else sides
        sigma = median_distance(reference) if self.sigma is None else self.sigma
        if sigma == 0:
            return Estimate.undefined(
                "half of the pairs of the reference are equal: no median distance", n=len(generated)
            )
        return discrepancy(generated, reference, gaussian(sigma))


def _sides(records: Records, label: str | None) -> tuple[Features, Features] | Estimate:
    sides = feature_array(records, "generated", label), feature_array(records, "reference", label)
    for name, rows in zip(("generated", "reference"), sides, strict=True):
        if len(rows) < _MIN_ROWS:
            return Estimate.undefined(f"{len(rows)} {name} rows; at least {_MIN_ROWS} are needed", n=len(records))
    return sides


def _unit_length(rows: Features) -> Features:
    """Features scaled to length 1 in float64; a row of zeros stays."""
    exact = rows.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    return np.asarray(exact / np.where(lengths == 0, 1.0, lengths))


def _estimate(found: Discrepancy | Estimate, scale: float = 1.0) -> Estimate:
    if isinstance(found, Estimate):
        return found
    value = scale * found.value
    reach = scale * normal_quantile(LEVEL) * found.standard_error
    contributions = np.concatenate([found.first, found.second])
    few = effective_number(contributions**2)
    reason = _FEW_ROWS if 0 < few < _FEW_SHARE * len(contributions) else ""
    return Estimate(value, value - reach, value + reach, LEVEL, "jackknife", len(found.first), reason=reason)


def _influences(found: Discrepancy | Estimate, scale: float = 1.0) -> Influences | None:
    if isinstance(found, Estimate):
        return None
    return Influences({"records": scale * found.first, "reference": scale * found.second})
