"""The tasks on text."""
