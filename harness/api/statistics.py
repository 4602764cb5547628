"""Intervals, permutation tests, and estimates made of values."""

from harness.statistics.intervals import bootstrap, mean, proportion, ratio_of_sums, wilson
from harness.statistics.permutation import GapTest, permuted_gap

__all__ = ["GapTest", "bootstrap", "mean", "permuted_gap", "proportion", "ratio_of_sums", "wilson"]
