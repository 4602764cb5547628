"""What a user reads: tables, comparisons, histories, leaderboards, the page of a run."""
