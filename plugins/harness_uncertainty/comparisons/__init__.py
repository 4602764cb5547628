"""Numbers made of the records of several cells."""
