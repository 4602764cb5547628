"""Corpora: texts to be predicted."""
