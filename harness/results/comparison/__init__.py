"""Comparing two runs, row by row."""
