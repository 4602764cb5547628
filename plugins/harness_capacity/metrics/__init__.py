"""Metrics of approximation."""
