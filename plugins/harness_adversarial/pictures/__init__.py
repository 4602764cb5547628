"""Curves over budgets and the matrix of transfers, as PNGs."""
