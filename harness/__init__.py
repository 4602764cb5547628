"""harness: one benchmark harness for the ways in which neural networks fail."""

__version__ = "0.1.0"
