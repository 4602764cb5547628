"""Intervals, paired tests, permutation tests, change points, sums over clusters, and the partition into groups."""
