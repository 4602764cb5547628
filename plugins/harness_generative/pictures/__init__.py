"""Curves of quality over passes and over cost."""
