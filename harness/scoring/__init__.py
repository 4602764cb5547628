"""From records to rows: metrics, subgroups, aggregates."""
