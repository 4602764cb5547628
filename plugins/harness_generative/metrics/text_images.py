"""How well samples show what they were asked for in words, by the judges of the task.

Several images of one prompt are not independent: where the data say so (fact `clusters`), intervals are over prompts.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from annotated_types import Gt

from harness.api import ClusteredSums, Estimate, Records, proportion, ratio_of_sums

Floats = npt.NDArray[np.float64]
Aspect = Literal["all", "counts", "colours", "positions"]
_COLUMNS: dict[Aspect, str] = {
    "all": "objects_right",
    "counts": "counts_right",
    "colours": "colours_right",
    "positions": "positions_right",
}


def clusters_of(records: Records) -> npt.NDArray[Any] | None:
    """The cluster of each sample, such as its prompt; None where samples are independent."""
    name = records.protocol.get("clusters")
    column = f"group.{name}"
    return records[column] if name and column in records else None


def mean_over_clusters(records: Records, values: Floats, most: float | None = None) -> Estimate:
    """The mean of values `[n]`, NaN where there is none, with Student's t over samples or their clusters.

    Args:
        records: of the samples.
        values: of each, at least 0.
        most: what none can exceed.
    """
    known = np.isfinite(values)
    if not known.any():
        return Estimate.undefined("no sample was judged", n_missing=len(records))
    clusters = clusters_of(records)
    estimate = ratio_of_sums(
        values[known],
        np.ones(int(known.sum())),
        clusters=None if clusters is None else clusters[known],
        n_missing=int((~known).sum()),
    )
    if most is None or estimate.high is None:
        return estimate
    return replace(estimate, high=min(most, estimate.high))


def by_cluster(records: Records, values: Floats) -> Floats:
    """Values `[n]` whose mean is that of the given ones; of a cluster the first sample has the value of all.

    So what compares two models sample by sample compares what is independent.
    """
    clusters, known = clusters_of(records), np.isfinite(values)
    if clusters is None or not known.any():
        return values
    of_row = np.unique(clusters, return_inverse=True)[1]
    sums = ClusteredSums.of(values[known], np.ones(int(known.sum())), of_row[known])
    alone = np.full(len(records), np.nan)
    alone[np.unique(of_row, return_index=True)[1][np.unique(of_row[known])]] = sums.influences
    return alone


class CLIPScore:
    """Mean of `scale` times the cosine of image and prompt, 0 where it is negative (Hessel et al. 2021, eq. 1).

    It is CLIPScore if the task's `text_judge` is a CLIP. The interval is over samples, or over prompts where there are
    several images of one.

    Args:
        scale: 2.5 in the paper; other tools print 100, or 1.
    """

    columns = ("text_agreement",)
    direction = "max"
    unit = ""
    limits = (0.0, math.inf)

    def __init__(self, scale: Annotated[float, Gt(0)] = 2.5) -> None:
        self.scale = scale

    def estimate(self, records: Records) -> Estimate:
        """Undefined where no sample was judged."""
        return mean_over_clusters(records, self._scores(records))

    def per_example(self, records: Records) -> Floats:
        """The score of each sample; of several images of a prompt, one value for all."""
        return by_cluster(records, self._scores(records))

    def _scores(self, records: Records) -> Floats:
        cosines = records.floats("text_agreement")
        return np.where(np.isnan(cosines), np.nan, self.scale * np.maximum(cosines, 0.0))


class ObjectAccuracy:
    """Share of samples that show the objects of their prompt, by the answers of the task's `answerer`.

    As GenEval asks (Ghosh et al. 2023, arXiv:2310.11513): all objects that the prompt names, at least as many and fewer
    than too many, in the colours and at the positions that it names. There a detector is the judge.
    Wilson's interval over samples, or Student's t over prompts where there are several images of one.

    Args:
        aspect: all together, numbers alone, or the colours or positions of prompts that name any.
    """

    direction = "max"
    unit = "fraction"

    def __init__(self, aspect: Aspect = "all") -> None:
        self.columns = (_COLUMNS[aspect],)

    def estimate(self, records: Records) -> Estimate:
        """Undefined where no sample was judged."""
        right = self._right(records)
        known = np.isfinite(right)
        if clusters_of(records) is None and known.any():
            return proportion(int(np.nansum(right)), int(known.sum()), n_missing=int((~known).sum()))
        return mean_over_clusters(records, right, most=1.0)

    def per_example(self, records: Records) -> Floats:
        """1 where right; of several images of a prompt, one value for all."""
        return by_cluster(records, self._right(records))

    def _right(self, records: Records) -> Floats:
        return records.floats(self.columns[0])
