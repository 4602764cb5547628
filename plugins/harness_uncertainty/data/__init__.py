"""Data that a model should be unsure of: corrupted images, images of something else, predictions from a file."""
