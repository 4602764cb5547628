"""What tasks measure with: counted and frozen models, seeded library code, norms."""
