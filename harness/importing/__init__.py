"""Results per example that other tools wrote, read from their logs and made into suites of this one."""
