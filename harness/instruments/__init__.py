"""Instruments of tasks and attacks: counted and frozen models, seeded library code, margins, norms."""
