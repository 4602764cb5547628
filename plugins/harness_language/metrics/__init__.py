"""Metrics of likelihoods and of answers."""
