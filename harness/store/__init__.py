"""What is kept on disk between runs, and the keys it is kept under."""
