"""Metrics of samples: distances of distributions, coverage, novelty, what a judge sees, cost."""
