"""A run judged against an earlier one every night: labels that are no noise, and the files that machines read."""
