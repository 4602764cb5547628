"""The process that metrics, aggregates and reporters run in, so that none of them can end a run."""
