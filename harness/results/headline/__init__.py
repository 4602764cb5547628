"""The headline of a run: the few rows that answer the question of its suite, and what can be said of them."""
