"""Aggregates over sweeps of a width or of the number of examples."""
