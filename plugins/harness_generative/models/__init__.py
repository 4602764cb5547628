"""Generative models, and what their training shares."""
