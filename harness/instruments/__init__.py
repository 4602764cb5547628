"""What tasks and attacks measure with: counted and frozen models, seeded library code, margins, norms."""
