"""The coordinator: it decides which cells run, in which order, and records how each has ended."""
