"""Functions to be approximated, and data made of other data."""
