"""Intervals, paired tests, permutation tests and change points."""
