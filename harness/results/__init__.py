"""From records to tables: statistics, measurement, aggregates, and what a user reads."""
