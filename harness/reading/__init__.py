"""Typed tables of files: a column is taken by one declared type, and what does not fit is refused with its line."""
