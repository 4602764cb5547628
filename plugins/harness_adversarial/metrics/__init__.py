"""What is said of the records of an attack or a certificate."""
