"""Models for tables and coloured digits, and training that takes the groups into account."""
