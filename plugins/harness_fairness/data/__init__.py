"""Data with groups: tables with column roles, published tables, digits with a spurious colour, diabetes."""
