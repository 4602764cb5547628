"""Rates by group, the gaps between them, and what a sample of this size can tell of them."""
