"""Transformations that leave the class of an image as it is."""
