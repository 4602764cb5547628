"""Metrics of certificates: the share of examples certified correctly, and the radius of their certificates."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from annotated_types import Ge

from harness.api import Estimate, Records, mean, proportion
from harness_adversarial.metrics.smallest_distances import Floats

_COLUMNS = ("label", "certified_radius", "certificate_norm", "certificate_alpha")


def _right(records: Records) -> Floats:
    """Whether the certified class is the true one, `[n]`; 0 where the model abstained."""
    if "certified_prediction" not in records:
        return np.zeros(len(records))
    return np.asarray(records.floats("certified_prediction") == records.floats("label"), dtype=np.float64)


def _within(estimate: Estimate, records: Records) -> Estimate:
    """The estimate with a note of what makes certificates comparable: their norm and probability of error."""
    kinds = {f"{norm} at alpha {alpha:g}" for norm, alpha in zip(*(records[c] for c in _COLUMNS[2:]), strict=True)}
    return replace(estimate, within="; ".join(sorted(kinds)))


class CertifiedAccuracy:
    """Share of the examples whose certified class is right, within at least a radius; Wilson's interval.

    Each certificate may be wrong with probability alpha, which the interval over examples does not include: at most
    about a share alpha of the certificates counted here is wrong (Cohen et al. 2019, section 4.1).

    Args:
        radius: in the norm of the certificates, in units of the inputs.
    """

    columns = _COLUMNS
    direction = "max"
    unit = "fraction"

    def __init__(self, radius: Annotated[float, Ge(0)] = 0.0) -> None:
        self._radius = radius

    def estimate(self, records: Records) -> Estimate:
        """Examples of which the model abstains count against it."""
        certified = self.per_example(records)
        return _within(proportion(int(certified.sum()), len(certified)), records)

    def per_example(self, records: Records) -> Floats:
        """1 where certified."""
        return _right(records) * (records.floats("certified_radius") >= self._radius)


class AverageCertifiedRadius:
    """Mean over all examples of the certified radius, 0 where the certified class is wrong (Zhai et al. 2020)."""

    columns = _COLUMNS
    direction = "max"
    unit = ""

    def estimate(self, records: Records) -> Estimate:
        """Student's t interval over examples."""
        return _within(mean(self.per_example(records), least=0.0), records)

    def per_example(self, records: Records) -> Floats:
        """The radius, or 0."""
        return np.asarray(_right(records) * records.floats("certified_radius"))


class AbstentionRate:
    """Share of the examples for which the model certifies nothing; Wilson's interval."""

    columns = _COLUMNS
    direction = "min"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        """Over all examples."""
        abstained = self.per_example(records)
        return _within(proportion(int(abstained.sum()), len(abstained)), records)

    def per_example(self, records: Records) -> Floats:
        """1 where the model abstained."""
        if "certified_prediction" not in records:
            return np.ones(len(records))
        return np.isnan(records.floats("certified_prediction")).astype(np.float64)
