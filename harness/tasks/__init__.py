"""Tasks turn components into records."""
