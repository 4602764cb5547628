"""Intervals, tests, subgroups and sums over clusters: what numbers made of records rest on."""
