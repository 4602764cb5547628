"""A metric over the runs of a suite."""
