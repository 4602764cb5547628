"""Intervals, tests of one and of many, sums over clusters, and the partition of records into groups."""

from harness.statistics.clustered_sums import ClusteredSums as ClusteredSums
from harness.statistics.intervals import bootstrap as bootstrap
from harness.statistics.intervals import mean as mean
from harness.statistics.intervals import newcombe as newcombe
from harness.statistics.intervals import proportion as proportion
from harness.statistics.intervals import ratio_of_sums as ratio_of_sums
from harness.statistics.intervals import square_and_add as square_and_add
from harness.statistics.intervals import wilson as wilson
from harness.statistics.paired import holm as holm
from harness.statistics.partition import Partition as Partition
from harness.statistics.permutation import GapTest as GapTest
from harness.statistics.permutation import permutation_p as permutation_p
from harness.statistics.permutation import permuted_counts as permuted_counts
from harness.statistics.permutation import permuted_gap as permuted_gap
from harness.statistics.quantiles import LEVEL as LEVEL
from harness.statistics.quantiles import effective_number as effective_number
from harness.statistics.quantiles import normal_quantile as normal_quantile
from harness.statistics.quantiles import student_quantile as student_quantile
