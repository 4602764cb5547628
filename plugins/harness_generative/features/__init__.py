"""Feature extractors, and the features that were stored beside records."""
