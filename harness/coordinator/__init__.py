"""The coordinator: what must run, in which order, and what became of it."""
