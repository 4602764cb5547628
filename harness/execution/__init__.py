"""Where cells run: components are built, a cell is executed, executors place cells on workers and devices."""
