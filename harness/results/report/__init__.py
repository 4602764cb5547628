"""A run as one HTML page that needs nothing beside it: tables, curves, examples, failures, provenance."""
