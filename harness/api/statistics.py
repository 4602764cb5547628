"""Intervals, tests of one and of many, sums over clusters, and the partition of records into groups."""

from harness.statistics.clustered_sums import ClusteredSums
from harness.statistics.intervals import (
    bootstrap,
    mean,
    newcombe,
    normal_quantile,
    proportion,
    ratio_of_sums,
    square_and_add,
    wilson,
)
from harness.statistics.paired import holm
from harness.statistics.partition import Partition
from harness.statistics.permutation import GapTest, permutation_p, permuted_counts, permuted_gap

__all__ = [
    "ClusteredSums",
    "GapTest",
    "Partition",
    "bootstrap",
    "holm",
    "mean",
    "newcombe",
    "normal_quantile",
    "permutation_p",
    "permuted_counts",
    "permuted_gap",
    "proportion",
    "ratio_of_sums",
    "square_and_add",
    "wilson",
]
