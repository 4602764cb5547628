"""Results in the formats of others: spreadsheets, papers, dashboards, and registries of evaluations."""
