"""Content-addressed entries, their keys, records, and the folders of runs."""
