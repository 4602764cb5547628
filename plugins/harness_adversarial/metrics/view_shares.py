"""Metrics of views: how often an adversarial example is given which class, rotated, shifted and in other light."""

from __future__ import annotations

from typing import Literal

import numpy as np

from harness.api import Estimate, Records, mean
from harness_adversarial.metrics.smallest_distances import Floats

Class = Literal["true", "target", "other", "clean_true"]
_COLUMN = {"true": "views_true", "target": "views_target", "other": "views_other", "clean_true": "clean_views_true"}


class ViewShare:
    """Mean over attacked examples of the share of their views that are given a class (Athalye et al. 2018, table 2).

    Args:
        given: the true class, the target of the attack, any other one, or the true one for views without attack.
    """

    columns = ("views",)
    direction = "none"
    unit = "fraction"

    def __init__(self, given: Class = "target") -> None:
        self._given = given

    def estimate(self, records: Records) -> Estimate:
        """Student's t over examples, since the views of one are not independent of each other."""
        if _COLUMN[self._given] not in records:
            return Estimate.not_applicable("the attack has no targets", n=len(records))
        shares = self.per_example(records)
        return mean(shares[~np.isnan(shares)], least=0.0, most=1.0)

    def per_example(self, records: Records) -> Floats:
        """The share of each attacked example; the others do not count."""
        views = records.floats("views")
        return np.asarray(records.floats(_COLUMN[self._given]) / np.where(views > 0, views, np.nan))
